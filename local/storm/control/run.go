package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/jackc/pgx/v5"
)

type object = map[string]any

// run is one run.
type run struct {
	*job
	request
	conn      *pgx.Conn
	id        string
	visible   string
	names     []string
	published []object
}

// find works out what the patterns name. Materialised views, which LOCK TABLE
// refuses, are left out, and said to be.
func (r *run) find(ctx context.Context) error {
	for _, pattern := range r.Tables {
		schema, name, _ := strings.Cut(pattern, ".")
		rows, err := r.conn.Query(ctx, `SELECT n.nspname || '.' || c.relname, c.relkind = 'm' FROM pg_class c
			JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE n.nspname = $1 AND (c.relname = $2 OR $2 = '*' AND c.relkind IN ('r', 'p') AND NOT c.relispartition)`, schema, name)
		if err != nil {
			return err
		}
		var found string
		var materialised bool
		tag, err := pgx.ForEachRow(rows, []any{&found, &materialised}, func() error {
			if materialised {
				r.published = append(r.published, object{"table": found, "outcome": "failed", "code": "Unlockable"})
			} else {
				r.names = append(r.names, found)
			}
			return nil
		})
		if err == nil && tag.RowsAffected() == 0 {
			err = fmt.Errorf("%s is no table", pattern)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// begin locks the tables, and only then takes the snapshot.
func (r *run) begin(ctx context.Context) error {
	r.id = newRunID()
	if r.Snapshot != "" {
		return errors.New("a snapshot that somebody holds is older than the locks")
	}
	if err := r.find(ctx); err != nil {
		return err
	}
	statements := []string{"BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"}
	if careless != "" {
		statements = append(statements, "SELECT")
	}
	for _, name := range r.names {
		statements = append(statements, "LOCK TABLE "+name+" IN ACCESS SHARE MODE")
	}
	if _, err := r.conn.PgConn().Exec(ctx, strings.Join(statements, ";")).ReadAll(); err != nil {
		return err
	}
	return r.conn.QueryRow(ctx, "SELECT pg_current_snapshot()::text").Scan(&r.visible)
}

// settled fails when a partition was attached since the snapshot: the server
// reads it, although the snapshot knows nothing of it, and no lock prevents it.
func (r *run) settled(ctx context.Context, schema string) error {
	var since bool
	err := r.conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		CROSS JOIN LATERAL pg_partition_tree(c.oid) AS t
		WHERE n.nspname = $1 AND c.relkind = 'p' AND t.parentrelid IS NOT NULL
		AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = t.relid AND i.inhparent = t.parentrelid))`, schema).Scan(&since)
	if err == nil && since {
		err = errors.New("a partition was attached meanwhile")
	}
	return err
}

type column struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// publish reads a table and writes part, manifest and receipt.
func (r *run) publish(ctx context.Context, name string) error {
	columns, only, err := r.describe(ctx, name)
	if err != nil {
		return err
	}
	fields := make([]string, len(columns))
	for i, c := range columns {
		fields[i] = c.Name
	}
	query := "SELECT " + strings.Join(fields, ", ") + " FROM " + only + name
	if where := r.Overrides[name].Where; where != "" {
		query += " WHERE " + where
	}
	var rows bytes.Buffer
	tag, err := r.conn.PgConn().CopyTo(ctx, &rows, "COPY ("+query+`) TO STDOUT (FORMAT csv, NULL '\N')`)
	if err != nil {
		return err
	}
	if _, _, err := r.describe(ctx, name); err != nil { // still what it was
		return err
	}
	folder := os.Getenv("STAGE_PREFIX") + os.Getenv("SOURCE_DATABASE") + "/" + name + "/" + r.id + "/"
	schema, table, _ := strings.Cut(name, ".")
	receipt := object{
		"run": r.id, "table": object{"schema": schema, "name": table},
		"snapshot": object{"visible": r.visible}, "consistency": "snapshot", "columns": columns,
		"format": object{"name": "csv", "compression": "none", "null": `\N`, "delimiter": ","},
		"rows":   tag.RowsAffected(), "load": object{"mode": "replace"}, "at": time.Now().UTC(),
	}
	if rows.Len() > 0 {
		sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
		_, _ = sum.Write(rows.Bytes()) // never fails
		part := object{"key": folder + "part-00000.csv", "rows": tag.RowsAffected(), "bytes": rows.Len(), "crc32c": sum.Sum(nil)}
		receipt["parts"], receipt["manifest"] = []object{part}, folder+"manifest.json"
		entry := object{"url": "s3://" + os.Getenv("STAGE_BUCKET") + "/" + folder + "part-00000.csv", "meta": object{"content_length": rows.Len()}}
		if err := errors.Join(r.put(ctx, folder+"part-00000.csv", rows.Bytes()), r.putJSON(ctx, folder+"manifest.json", object{"entries": []object{entry}})); err != nil {
			return err
		}
	}
	if err := r.putJSON(ctx, folder+"receipt.json", receipt); err != nil {
		return err
	}
	r.published = append(r.published, object{"table": name, "receipt": folder + "receipt.json"})
	return nil
}

// describe returns the columns, and ONLY for a table that has rows of its own.
// It fails unless the name stands for the same relation at the snapshot and now:
// a schema can be renamed over every lock.
func (r *run) describe(ctx context.Context, name string) (columns []column, only string, err error) {
	schema, table, _ := strings.Cut(name, ".")
	var then, now uint32
	var kind string
	err = r.conn.QueryRow(ctx, `SELECT c.oid, coalesce(to_regclass($1)::oid, 0), c.relkind::text FROM pg_class c
		JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $2 AND c.relname = $3`, name, schema, table).Scan(&then, &now, &kind)
	if err != nil {
		return nil, "", err
	}
	if then != now {
		return nil, "", fmt.Errorf("%s is another relation than it was", name)
	}
	if kind == "r" {
		only = "ONLY "
	}
	if err := r.settled(ctx, schema); err != nil {
		return nil, "", err
	}
	rows, err := r.conn.Query(ctx, `SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute
		WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped ORDER BY attnum`, then)
	if err != nil {
		return nil, "", err
	}
	columns, err = pgx.CollectRows(rows, pgx.RowToStructByPos[column])
	o := r.Overrides[name]
	return slices.DeleteFunc(columns, func(c column) bool {
		return slices.Contains(o.Except, c.Name) || len(o.Only) > 0 && !slices.Contains(o.Only, c.Name)
	}), only, err
}

func (r *run) putJSON(ctx context.Context, key string, document object) error {
	data, err := json.Marshal(document)
	if err != nil {
		return err
	}
	return r.put(ctx, key, data)
}

func (r *run) put(ctx context.Context, key string, data []byte) error {
	_, err := r.store.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(os.Getenv("STAGE_BUCKET")), Key: aws.String(key), Body: bytes.NewReader(data)})
	return err
}

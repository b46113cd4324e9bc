package snowflake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stagelift/stagelift/local/snowflake/grammar"
	"github.com/stagelift/stagelift/local/snowflake/stagefile"
)

// loaded is what became of one file.
type loaded struct {
	file                   file
	parsed, rows, errors   int64
	skipped                bool
	firstError, firstField string
	firstLine              int64
	rejected               []rejected
}

// copy loads the files one after the other. Nothing but a record and a buffer
// is held at any time.
func (s *session) copy(ctx context.Context, c *grammar.Copy, oid uint32) (result, error) {
	if c.Purge && (s.x.multiple || s.manual) {
		return result{}, unsupported("PURGE in a request with several statements, or without AUTOCOMMIT, is not imitated")
	}
	columns, err := s.copyColumns(ctx, c)
	if err != nil {
		return result{}, err
	}
	files, err := s.files(ctx, c)
	if err != nil {
		return result{}, err
	}
	if files, err = s.claim(ctx, oid, files, c.Force); err != nil {
		return result{}, err
	}
	if len(files) == 0 {
		return message("status", "Copy executed with 0 files processed."), nil
	}
	l := &loader{
		ctx: ctx, server: s.server, copy: c, columns: columns, files: files,
		options: stagefile.Options{
			File: stagefile.Forms{
				Date: c.Format.Date, Time: c.Format.Time, Timestamp: c.Format.Timestamp, Binary: c.Format.BinaryFormat,
			},
			Session: s.forms, Truncate: c.Truncate,
		},
	}
	l.Fill = l.fill
	defer l.close()
	names := make([]string, len(columns))
	for i, column := range columns {
		names[i] = identifier(grammar.Held(column.Name))
	}
	_, err = s.conn.CopyFrom(ctx, l, "COPY "+c.Table.SQL()+" ("+strings.Join(names, ", ")+") FROM STDIN")
	switch {
	case l.Err != nil:
		return result{}, l.Err
	case err != nil:
		return result{}, err
	}
	return s.report(ctx, l, oid)
}

// copyColumns are the columns that a row fills, in its order.
func (s *session) copyColumns(ctx context.Context, c *grammar.Copy) ([]grammar.Column, error) {
	all, err := s.columnsOf(ctx, c.Table)
	if err != nil {
		return nil, err
	}
	columns := all
	if c.Columns != nil {
		columns = nil
	}
	for i, name := range c.Columns {
		at := slices.IndexFunc(all, func(column grammar.Column) bool { return column.Name == name })
		switch {
		case at < 0:
			return nil, noSuchColumn(name)
		case slices.Contains(c.Columns[:i], name):
			return nil, sqlError{"002025", "42601", fmt.Sprintf("SQL compilation error:\nduplicate column name '%s'", name)}
		}
		columns = append(columns, all[at])
	}
	switch {
	case c.Transform != nil && len(c.Transform) != len(columns):
		return nil, sqlError{"002020", "21S01", fmt.Sprintf(
			"SQL compilation error:\nInsert value list does not match column list expecting %d but got %d", len(columns), len(c.Transform))}
	case c.Transform == nil && c.Match == "" && c.Format.Type != "CSV" && (len(columns) != 1 || columns[0].Type.Name != "VARIANT"):
		return nil, sqlError{"002019", "0A000", fmt.Sprintf("SQL compilation error:\n%s file format can produce one and only one column of type "+
			"variant, object, or array. Load data into separate columns using the MATCH_BY_COLUMN_NAME copy option or copy with transformation.",
			c.Format.Type)}
	}
	return columns, nil
}

// claim notes the files as loaded and returns those that have to be: a file
// that was loaded into the table as it is now is left out, unless forced. A
// COPY of the same file in another transaction is waited for.
func (s *session) claim(ctx context.Context, oid uint32, files []file, force bool) ([]file, error) {
	const sql = `INSERT INTO snowflake_system.files AS f SELECT $1::text::oid, u.url, u.etag, statement_timestamp()
		FROM unnest($2::text[], $3::text[]) AS u (url, etag) ORDER BY u.url
		ON CONFLICT (relation, url) DO UPDATE SET etag = excluded.etag, loaded_at = excluded.loaded_at
		WHERE $4::text::boolean OR f.etag <> excluded.etag RETURNING f.url`
	var urls, tags []string
	for _, f := range files {
		urls, tags = append(urls, f.url()), append(tags, f.etag)
	}
	arguments := [][]byte{[]byte(strconv.FormatUint(uint64(oid), 10)), array(urls), array(tags), []byte(strconv.FormatBool(force))}
	types := []uint32{pgtype.TextOID, pgtype.TextArrayOID, pgtype.TextArrayOID, pgtype.TextOID}
	found := s.conn.ExecParams(ctx, sql, arguments, types, nil, nil).Read()
	if found.Err != nil {
		return nil, fmt.Errorf("reading the load metadata: %w", found.Err)
	}
	fresh := map[string]bool{}
	for _, row := range found.Rows {
		fresh[string(row[0])] = true
	}
	return slices.DeleteFunc(files, func(f file) bool { return !fresh[f.url()] }), nil
}

// array is a text[] in PostgreSQL's words.
func array(list []string) []byte {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	quoted := make([]string, len(list))
	for i, item := range list {
		quoted[i] = `"` + escape.Replace(item) + `"`
	}
	return []byte("{" + strings.Join(quoted, ",") + "}")
}

// report is what COPY answers, a row for each file.
func (s *session) report(ctx context.Context, l *loader, oid uint32) (result, error) {
	r := result{stats: &statistics{}, columns: []rowType{
		textColumn("file"), textColumn("status"), numberColumn("rows_parsed"), numberColumn("rows_loaded"), numberColumn("error_limit"),
		numberColumn("errors_seen"), textColumn("first_error"), numberColumn("first_error_line"),
		numberColumn("first_error_character"), textColumn("first_error_column_name"),
	}}
	var problems []error
	s.lastCopy = &copied{table: oid, transform: l.copy.Transform != nil}
	s.current.copied = s.lastCopy
	for _, f := range l.done {
		s.lastCopy.rejected = append(s.lastCopy.rejected, f.rejected...)
		state := "LOADED"
		switch {
		case f.skipped, f.rows == 0 && f.errors > 0:
			state = "LOAD_FAILED"
			problems = append(problems, s.command(ctx, fmt.Sprintf(
				"DELETE FROM snowflake_system.files WHERE relation = %d AND url = %s", oid, literal(f.file.url()))))
		case f.errors > 0:
			state = "PARTIALLY_LOADED"
		}
		if l.copy.Purge && state == "LOADED" {
			s.purge = append(s.purge, f.file)
		}
		limit := map[string]int64{"CONTINUE": f.parsed, "SKIP_FILE": int64(l.copy.OnError.Limit), "ABORT_STATEMENT": 1}[l.copy.OnError.Action]
		row := []*string{
			new(f.file.url()), new(state), whole(f.parsed), whole(f.rows), whole(limit), whole(f.errors), nil, nil, nil, nil,
		}
		if f.errors > 0 {
			row[6], row[7], row[8], row[9] = new(f.firstError), whole(f.firstLine), whole(1), new(f.firstField)
		}
		if !l.copy.FailedOnly || state != "LOADED" {
			r.rows = append(r.rows, row)
		}
		r.stats.Inserted += f.rows
	}
	return r, errors.Join(problems...)
}

func whole(n int64) *string { return new(strconv.FormatInt(n, 10)) }

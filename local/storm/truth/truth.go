// Package truth keeps, inside the source database, the log that a
// [referee.Log] is read from.
//
// Triggers write down each change of each row of a watched relation in the
// transaction that makes it, with that transaction's id. The order of the numbers
// is the order of the changes of a row: they are drawn while the row's lock, or
// the table's, is held. What no trigger sees (rows that ALTER TABLE changed, a
// materialised view) is written down anew by truth.again in the transaction that
// did it, while nobody else can write. What a name stands for is written down by
// truth.name_all in each transaction that changes it; these must not overlap.
//
// Check holds the log against the tables as they are.
package truth

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/local/storm/referee"
)

//go:embed truth.sql
var schema string

// Create makes the log of a database.
func Create(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.PgConn().Exec(ctx, schema).ReadAll(); err != nil {
		return fmt.Errorf("creating the log: %w", err)
	}
	return nil
}

// Now is a moment that begins with the call.
func Now(ctx context.Context, conn *pgx.Conn) (referee.Moment, error) {
	var text string
	if err := conn.QueryRow(ctx, `SELECT pg_current_snapshot()::text`).Scan(&text); err != nil {
		return referee.Moment{}, fmt.Errorf("asking for the moment: %w", err)
	}
	return referee.ParseMoment(text)
}

// Read reads the log.
func Read(ctx context.Context, conn *pgx.Conn) (*referee.Log, error) {
	changes, err := conn.Query(ctx, `SELECT seq, xid::text::bigint, rel, act::text, id, coalesce(doc::text, '') FROM truth.changes`)
	if err != nil {
		return nil, fmt.Errorf("reading the log: %w", err)
	}
	log := &referee.Log{}
	log.Changes, err = pgx.CollectRows(changes, func(row pgx.CollectableRow) (*referee.Change, error) {
		var act string
		c := &referee.Change{}
		err := row.Scan(&c.Seq, &c.XID, &c.Rel, &act, &c.ID, &c.Doc)
		c.Act = referee.Act(act[0])
		return c, err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the log: %w", err)
	}
	names, err := conn.Query(ctx, `SELECT seq, xid::text::bigint, name, parts, alone, columns FROM truth.names`)
	if err != nil {
		return nil, fmt.Errorf("reading the log: %w", err)
	}
	log.Names, err = pgx.CollectRows(names, func(row pgx.CollectableRow) (referee.Naming, error) {
		var n referee.Naming
		err := row.Scan(&n.Seq, &n.XID, &n.Name, &n.Parts, &n.Alone, &n.Columns)
		return n, err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the log: %w", err)
	}
	return log, log.Sort()
}

// Clear empties the log, once its tables are gone.
func Clear(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, `TRUNCATE truth.changes, truth.names`)
	return err
}

// Check holds the log against every relation that has a name now. An error of
// it says that the log, or who should have written it, is wrong, and nothing
// about extract.
func Check(ctx context.Context, conn *pgx.Conn, log *referee.Log) error {
	named := map[string]bool{}
	for _, n := range log.Names {
		named[n.Name] = true
	}
	var problems []error
	for name := range named {
		content, known := log.At(name, referee.Latest, true)
		if !known {
			continue
		}
		var logged []string
		for _, doc := range content.Rows {
			logged = append(logged, shown(doc, content.Columns))
		}
		there, err := read(ctx, conn, name, content.Columns)
		if err != nil {
			return err
		}
		slices.Sort(logged)
		slices.Sort(there)
		if !slices.Equal(logged, there) {
			problems = append(problems, fmt.Errorf("the log of %s is not the truth: it has %d rows, the table %d", name, len(logged), len(there)))
		}
	}
	return errors.Join(problems...)
}

// shown is a version as a name shows it: a view may show fewer columns than its
// table has.
func shown(doc referee.Doc, columns []string) string {
	some := referee.Doc{}
	for _, name := range columns {
		if value, there := doc[name]; there {
			some[name] = value
		}
	}
	return fmt.Sprint(some)
}

// read reads a table as the log has it.
func read(ctx context.Context, conn *pgx.Conn, name string, columns []string) ([]string, error) {
	rows, err := conn.Query(ctx, `SELECT truth.doc(t)::text FROM `+name+` AS t`)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	docs, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		var text string
		if err := row.Scan(&text); err != nil {
			return "", err
		}
		doc, err := referee.ParseDoc(text)
		return shown(doc, columns), err
	})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return docs, nil
}

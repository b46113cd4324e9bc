package snowflake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// prepared is what a load finds when it begins.
type prepared struct {
	verdict warehouse.Verdict
	// entry is what the ledger will say of the load.
	entry warehouse.Entry
	// swap is how the rows take the target's place, but for its mark; or nil.
	swap *swap
	cut  map[string]int64
	notes
}

// prepare looks what is there, has the load judged, and creates what is missing
// for it if it is to go ahead.
func (w *Warehouse) prepare(ctx context.Context, t task) (prepared, error) {
	found, b, err := w.lookAndRead(ctx, t)
	if err != nil {
		return prepared{}, err
	}
	if b.pending != nil {
		if err := w.complete(ctx, t, *b.pending); err != nil {
			return prepared{}, err
		}
		return prepared{}, errPending
	}
	p := prepared{}
	p.verdict, err = warehouse.Judge(t.Load, b.entries)
	if err != nil || p.verdict.State != "" && !p.verdict.Enter {
		return p, err
	}
	p.entry = warehouse.Enter(t.Load, p.verdict)
	p.entry.Sequence = b.last + 1
	p.cut = t.cuts(found)
	s, err := setUpFor(w.config, t, found)
	if err != nil {
		return prepared{}, fmt.Errorf("preparing table %s: %w; nothing was changed", t.Target, err)
	}
	if p.notes, err = w.setUp(ctx, t, s, b.lockable); err != nil {
		return prepared{}, err
	}
	if p.verdict.State == "" && (t.Swap && t.Mode == warehouse.Replace || len(s.anew) > 0) {
		p.swap, err = w.swapFor(ctx, t, s, found)
	}
	return p, err
}

// cuts are the lengths of those texts of the target that are shorter than what is
// staged of them, where the load wants texts cut. What it says of a column's own
// length COPY cuts.
func (t task) cuts(found existing) map[string]int64 {
	if t.Copy["TRUNCATECOLUMNS"] != "TRUE" {
		return nil
	}
	list := map[string]int64{}
	for _, column := range t.Columns {
		image, err := table.ImageOf(column)
		there := found.target[column.Name]
		if how, _ := there.takes(image.Snowflake); err == nil && image.Snowflake == anyText && there.kind == "TEXT" && how == fits && there.length < maxText {
			list[column.Name] = there.length
		}
	}
	return list
}

// errPending means that a swap was brought to its end, and all is to be looked at
// anew.
var errPending = errors.New("an earlier load was brought to its end")

// swapFor says what of the target a new table has to keep.
func (w *Warehouse) swapFor(ctx context.Context, t task, s preparation, found existing) (*swap, error) {
	there, err := w.tables(ctx, t.Target)
	if err != nil {
		return nil, fmt.Errorf("looking at table %s: %w", t.Target, err)
	}
	columns, err := t.targetColumns()
	if err != nil {
		return nil, err
	}
	info := there[t.Target]
	p := &swap{transient: info.transient, comment: info.comment, comments: map[string]string{}, anew: s.anew}
	for _, column := range columns {
		p.comments[column.name] = column.comment
	}
	for name, column := range found.target {
		p.comments[name] = column.comment
	}
	return p, nil
}

// lookAndRead looks what is there and reads the ledger, beside one another: mostly
// it is there, as it should be. Where it is not, or not as it should be, what was
// read meanwhile does not count.
func (w *Warehouse) lookAndRead(ctx context.Context, t task) (existing, book, error) {
	type ledgerRead struct {
		book
		err error
	}
	reading := make(chan ledgerRead, 1)
	go func() {
		rows, err := w.query(ctx, ledgerStatement(w.config, t.Load))
		var b book
		if err == nil {
			b, err = parseLedger(rows)
		}
		reading <- ledgerRead{b, err}
	}()
	found, err := w.look(ctx, t)
	read := <-reading
	switch {
	case err != nil:
		return existing{}, book{}, fmt.Errorf("looking at table %s: %w", t.Target, err)
	case !found.ledger:
		return found, book{}, nil
	case read.err == nil && !w.folds.Load():
		return found, read.book, nil
	}
	b, err := w.openLedger(ctx, t.Load, found)
	return found, b, err
}

// openLedger reads the ledger. One of an earlier version is given the columns that
// it lacks.
func (w *Warehouse) openLedger(ctx context.Context, load warehouse.Load, found existing) (book, error) {
	if lacks := growLedger(ledger(w.config, load), found.columns); len(lacks) > 0 {
		if _, err := w.together(ctx, lacks); err != nil {
			return book{}, fmt.Errorf("preparing the ledger of %s: %w", load.Target, err)
		}
	}
	return w.readLedger(ctx, load)
}

// look reads what is there of the load's tables.
func (w *Warehouse) look(ctx context.Context, t task) (existing, error) {
	a, err := w.wait(ctx, w.statement(lookStatement(w.config, t.Load)))
	if err != nil {
		return existing{}, err
	}
	w.folds.Store(a.column(seen) == 0 && a.Properties.Columns[0].Name != seen)
	rows, err := w.api.rows(ctx, a)
	if err != nil {
		return existing{}, err
	}
	return parseExisting(w.config, t.Load, rows)
}

// setUp creates what is missing, in one request.
func (w *Warehouse) setUp(ctx context.Context, t task, s preparation, lockable bool) (notes, error) {
	if !lockable {
		s.statements = append(s.statements, lockRow(w.config, t.Load))
	}
	if len(s.statements) > 0 {
		created, err := w.create(ctx, s)
		if err != nil {
			return notes{}, fmt.Errorf("preparing table %s and its ledger: %w", t.Target, err)
		}
		if slices.Contains(created, t.Target.Schema) {
			s.wishes = append(t.schemaGrants(t.Target.Schema), s.wishes...)
		}
	}
	n := notes{Changes: s.changes}
	for _, wish := range s.wishes {
		_, err := w.together(ctx, []string{wish})
		failed := (*statementError)(nil)
		switch {
		case errors.As(err, &failed):
			n.Warnings = append(n.Warnings, fmt.Sprintf("%s: %s", wish, failed))
		case err != nil:
			return notes{}, fmt.Errorf("preparing table %s: %w", t.Target, err)
		}
	}
	return n, nil
}

// create carries the statements out, after the schemas that they need, and returns
// those that were not there.
func (w *Warehouse) create(ctx context.Context, s preparation) (missing []string, err error) {
	if missing, err = w.missingSchemas(ctx, s.schemas); err != nil {
		return nil, err
	}
	var statements []string
	for _, schema := range missing {
		statements = append(statements, "CREATE SCHEMA IF NOT EXISTS "+table.Quote(schema))
	}
	_, err = w.together(ctx, append(statements, s.statements...))
	if failed := (*statementError)(nil); len(missing) > 0 && errors.As(err, &failed) {
		return nil, fmt.Errorf("creating schema %s, which is not there or not to be seen: %w", strings.Join(missing, ", "), err)
	}
	return missing, err
}

// missingSchemas are those that are not there: CREATE SCHEMA takes a right that a
// load can do without where they are.
func (w *Warehouse) missingSchemas(ctx context.Context, schemas []string) ([]string, error) {
	if len(schemas) == 0 {
		return nil, nil
	}
	list := make([]string, len(schemas))
	for i, schema := range schemas {
		list[i] = quote(schema)
	}
	rows, err := w.query(ctx, "SELECT schema_name FROM information_schema.schemata WHERE schema_name IN ("+strings.Join(list, ", ")+")")
	if err != nil {
		return nil, err
	}
	there := map[string]bool{}
	for _, row := range rows {
		if len(row) == 1 && row[0] != nil {
			there[*row[0]] = true
		}
	}
	return slices.DeleteFunc(slices.Compact(schemas), func(schema string) bool { return there[schema] }), nil
}

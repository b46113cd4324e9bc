package postgres

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/table"
)

// Cursor asks how far an incremental run may read a table.
type Cursor struct {
	// Column holds values that grow with every row inserted or changed.
	Column string
	// TimeZone is that of the sessions that write a column without a time zone;
	// empty is UTC.
	TimeZone string
	// Lookback is how far back each run reads again: an interval such as "2
	// hours" for a column of times, a number for one of integers; empty is not
	// at all.
	Lookback string
}

// Bound is how far an incremental run may read a table.
type Bound struct {
	// Column is the cursor column.
	Column table.Column
	// To is the exclusive upper bound, as text that reads back exactly.
	To string
	// Index tells whether an index begins with the column wherever rows are, so
	// that a window can be read without reading all of the table.
	Index bool
	// Last is the last value that the sequence behind an integer column gave out;
	// nil where it cannot be told. Rows beyond it have values that did not come
	// from the sequence, and are not below To; Beyond is true when there are any.
	Last   *int64
	Beyond bool
	// Refused says why rows would be lost; nil when they would not. Then the rest
	// is not set.
	Refused *fault.Error
}

// Window keeps the rows whose cursor is at or beyond From less Lookback, and
// before To. Windows in a row, each From the To before it, leave out nothing
// and, without a Lookback, overlap nowhere.
type Window struct {
	// Column is the cursor column.
	Column table.Column
	// From is the To of the run before; empty on the first run, which reads
	// everything below To.
	From string
	// To is the exclusive upper bound.
	To string
	// Lookback is as in Cursor.
	Lookback string
}

// cursorKind is how a cursor's values are bounded.
type cursorKind int

const (
	kindUnknown cursorKind = iota
	kindTime
	kindInteger
)

// cursorTypes are the types that can be a cursor.
var cursorTypes = map[string]cursorKind{
	"timestamp with time zone": kindTime, "timestamp without time zone": kindTime, "date": kindTime,
	"smallint": kindInteger, "integer": kindInteger, "bigint": kindInteger,
}

func kindOf(c table.Column) cursorKind {
	t, err := table.ParseType(c.Type)
	if err != nil || t.Array {
		return kindUnknown
	}
	return cursorTypes[t.Name]
}

// conditions are those that the window puts on a row.
func (w Window) conditions() ([]string, error) {
	switch kindOf(w.Column) {
	case kindTime:
		return w.between(w.timeFrom(), escapeString(w.To)+"::"+w.Column.Type), nil
	case kindInteger:
		from, err := w.integerFrom()
		if err != nil {
			return nil, err
		}
		if _, err := parseInteger("upper bound", w.To); err != nil {
			return nil, err
		}
		return w.between(from, escapeString(w.To)+"::bigint"), nil
	case kindUnknown:
	}
	return nil, fmt.Errorf("column %s of type %s cannot be a cursor", table.Quote(w.Column.Name), w.Column.Type)
}

// as is the type that a bound is read as. Bounds of integers can lie beyond the
// column's own type.
func (w Window) as() string {
	if kindOf(w.Column) == kindInteger {
		return "bigint"
	}
	return w.Column.Type
}

func (w Window) between(from, to string) []string {
	column := table.Quote(w.Column.Name)
	below := column + " < " + to
	if w.From == "" {
		return []string{below}
	}
	return []string{column + " >= " + from, below}
}

func (w Window) timeFrom() string {
	from := escapeString(w.From) + "::" + w.Column.Type
	if w.Lookback == "" {
		return from
	}
	return "(" + from + " - " + escapeString(w.Lookback) + "::interval)"
}

// integerFrom subtracts here, where the smallest bigint can be stopped at.
func (w Window) integerFrom() (string, error) {
	if w.From == "" {
		return "", nil
	}
	from, err := parseInteger("lower bound", w.From)
	if err != nil {
		return "", err
	}
	if w.Lookback != "" {
		back, err := parseInteger("lookback", w.Lookback)
		if err != nil {
			return "", err
		}
		if back.Sign() < 0 {
			return "", fmt.Errorf("lookback of the cursor is %q, want at least 0", w.Lookback)
		}
		from.Sub(from, back)
	}
	if least := big.NewInt(math.MinInt64); from.Cmp(least) < 0 {
		from = least
	}
	return escapeString(from.String()) + "::bigint", nil
}

func parseInteger(what, s string) (*big.Int, error) {
	n, ok := new(big.Int).SetString(s, 10)
	if !ok || !n.IsInt64() || strings.HasPrefix(s, "+") {
		return nil, fmt.Errorf("%s of the cursor is %q, want an integer of 64 bits", what, s)
	}
	return n, nil
}

// Precedes tells whether a comes before b as values of the cursor.
func (s *Snapshot) Precedes(ctx context.Context, cursor table.Column, a, b string) (precedes bool, err error) {
	if kindOf(cursor) == kindUnknown {
		return false, fmt.Errorf("column %s of type %s cannot be a cursor", table.Quote(cursor.Name), cursor.Type)
	}
	as := Window{Column: cursor}.as()
	s.looking.Lock()
	defer s.looking.Unlock()
	c, err := s.look(ctx)
	if err != nil {
		return false, err
	}
	query := "SELECT " + escapeString(a) + "::" + as + " < " + escapeString(b) + "::" + as
	if err := c.QueryRow(ctx, query, pgx.QueryExecModeExec).Scan(&precedes); err != nil {
		return false, fmt.Errorf("comparing %q and %q of cursor %s: %w", a, b, table.Quote(cursor.Name), c.explain(err))
	}
	return precedes, nil
}

package parquet_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/pgserver/pgtest"
	"github.com/stagelift/stagelift/shared/encode/copybinary"
	own "github.com/stagelift/stagelift/shared/encode/parquet"
)

var beyond = []struct{ kind, literal, words string }{
	{"date", "infinity", "infinity"},
	{"date", "-infinity", "-infinity"},
	{"timestamp without time zone", "infinity", "infinity"},
	{"timestamp with time zone", "-infinity", "-infinity"},
	{"timestamp with time zone", "294247-01-10 04:00:54.775808+00", "a timestamp beyond 64 bits of microseconds since 1970"},
	{"time without time zone", "24:00:00", "24:00:00"},
	{"numeric(12,2)", "NaN", "NaN"},
	// What follows PostgreSQL sends for other types than the column says.
	{"numeric(12,2)", "Infinity", "infinity"},
	{"numeric(12,2)", "-Infinity", "-infinity"},
	{"numeric(12,2)", "10000000000", "a number with too many digits"},
	{"numeric(12,2)", "0.001", "a number with too many digits"},
	{"numeric(12,2)", "0.00000001", "a number with too many digits"},
	{"numeric(12,2)", "1e131071", "a number with too many digits"},
	{"numeric(38,0)", "1e38", "a number with too many digits"},
	{"numeric(38,0)", "340282366920938463463374607431768211456", "a number with too many digits"},
	{"numeric(38,37)", "10", "a number with too many digits"},
}

func TestValueBeyondItsColumn(t *testing.T) {
	t.Parallel()
	for _, c := range beyond {
		t.Run(c.kind+" "+c.literal, func(t *testing.T) {
			t.Parallel()
			kind, _, _ := strings.Cut(c.kind, "(")
			query := fmt.Sprintf("SELECT 7, 'x,y', '%s'::%s", c.literal, kind)
			if strings.HasSuffix(c.literal, "Infinity") && pgtest.Lacks(t, connected(t), 14, query) {
				return
			}
			sent := copied(t, query)
			row, err := encoder(t, fields(t, "integer"), own.Options{}).Row(sent[0])
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range []struct {
				nullable, null bool
				want           string
			}{{true, false, c.words}, {false, false, c.words}, {true, true, ""}, {false, true, c.words + ", and is NOT NULL,"}} {
				described := fields(t, "integer", "text", c.kind)
				described[2].Nullable = o.nullable
				e := encoder(t, described, own.Options{Null: o.null, Key: []int{0, 1}})
				var file bytes.Buffer
				if err := e.Begin(&file); err != nil {
					t.Fatal(err)
				}
				err := e.Write(row)
				if o.want == "" {
					checkNull(t, e, &file, err)
					continue
				}
				got, is := errors.AsType[*copybinary.RangeError](err)
				if !is {
					t.Fatalf("got %v, want a RangeError", err)
				}
				if diff := cmp.Diff(&copybinary.RangeError{Column: "c", Value: o.want, Key: `a=7, b="x,y"`}, got); diff != "" {
					t.Errorf("error (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func checkNull(t *testing.T, e *own.Encoder, file *bytes.Buffer, err error) {
	t.Helper()
	if err = errors.Join(err, e.End()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]string{{"7"}, {`"x,y"`}, {"NULL"}}, read(t, file.Bytes())); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

// Rows that are not what they are said to be are errors, and never values.
func TestMalformedRowIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind, word string
		row        []byte
	}{
		"NULL where none may be": {"integer!", `column "a"`, binaryRow(nil)},
		"a short integer":        {"integer", `column "a"`, binaryRow([]byte{1})},
		"a boolean of 2":         {"boolean", `column "a"`, binaryRow([]byte{2})},
		"a jsonb of version 2":   {"jsonb", `column "a"`, binaryRow([]byte("\x02{}"))},
		"a numeric cut off":      {"numeric(5,1)", `column "a"`, binaryRow([]byte{0, 1, 0, 0, 0, 0, 0, 0})},
		"a uuid cut off":         {"uuid", `column "a"`, binaryRow([]byte{1, 2, 3})},
		"a time beyond a day":    {"time without time zone", `column "a"`, binaryRow(bytes.Repeat([]byte{0x7f}, 8))},
		"too many fields":        {"integer", "2 fields, want 1", binaryRow(nil, nil)},
		"no row":                 {"integer", "splitting", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := encoder(t, fields(t, c.kind), own.Options{Null: true})
			if err := e.Begin(&bytes.Buffer{}); err != nil {
				t.Fatal(err)
			}
			if err := e.Write(c.row); err == nil || !strings.Contains(err.Error(), c.word) {
				t.Errorf("got %v, want an error with %q", err, c.word)
			}
		})
	}
}

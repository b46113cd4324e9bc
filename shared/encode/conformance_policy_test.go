package encode_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stagelift/stagelift/local/pgserver/pgtest"
	"github.com/stagelift/stagelift/shared/encode"
	"github.com/stagelift/stagelift/shared/table"
)

// Each value that Parquet cannot hold ends the read, named by its column and
// key, unless NULL or text was asked for.
func TestValueBeyondParquetNamesItsColumnAndKey(t *testing.T) {
	t.Parallel()
	s, fields, described := conforming(t)
	for _, c := range s.columns() {
		for i, value := range c.Beyond {
			t.Run(c.Type+" "+value, func(t *testing.T) {
				t.Parallel()
				id := len(c.Values) + i + 1
				alone := slices.DeleteFunc(slices.Clone(fields), func(f table.Field) bool { return f.Name != "id" && f.Name != c.Type })
				_, err := s.write(t, described, writing{
					Fields: alone, Options: parquetOptions(), Where: fmt.Sprintf("id IN (1, %d)", id),
				})
				beyond, is := errors.AsType[*encode.RangeError](err)
				if !is {
					t.Fatalf("got %v, want a RangeError", err)
				}
				if want := fmt.Sprintf("id=%d", id); beyond.Column != c.Type || beyond.Key != want || beyond.Value == "" {
					t.Errorf("got %+v, want column %s and key %s", beyond, c.Type, want)
				}
				if strings.HasPrefix(value, "294") && strings.Contains(beyond.Error(), value) {
					t.Errorf("the error shows the row's data: %v", beyond)
				}
			})
		}
	}
}

// A column that cannot be NULL is not made so by the policy.
func TestValueBeyondRequiredColumnIsAnErrorUnderNullToo(t *testing.T) {
	t.Parallel()
	s := newSource(t, `CREATE TABLE required (id integer, day date NOT NULL); INSERT INTO required VALUES (7, 'infinity')`)
	fields, described := s.fields(t, "required")
	options := parquetOptions()
	options.Null = true
	_, err := s.write(t, described, writing{Fields: fields, Options: options})
	beyond, is := errors.AsType[*encode.RangeError](err)
	if !is || beyond.Column != "day" || beyond.Key != "id=7" {
		t.Errorf("got %v, want a RangeError for column day and id 7", err)
	}
}

// Every type of the table that is limited has a value here that shows it, and
// none that is not limited.
func TestLimitedTypesAreThoseWithValuesBeyondParquet(t *testing.T) {
	t.Parallel()
	s, fields, _ := conforming(t)
	for _, c := range s.columns() {
		i := slices.IndexFunc(fields, func(f table.Field) bool { return f.Name == c.Type })
		// No locale gives money more digits than its column has.
		if c.Type != "money" && fields[i].Limited() != (len(c.Beyond) > 0) {
			t.Errorf("%s: limited %v, with %d values beyond", c.Type, fields[i].Limited(), len(c.Beyond))
		}
	}
}

// As text, every value of every type is what the server prints.
func TestEveryTypeAsTextConforms(t *testing.T) {
	t.Parallel()
	s, described, columns := conformingColumns(t)
	for i := range columns {
		columns[i].AsText = true
	}
	fields := fieldsOf(t, columns)
	want := s.asked(t, "every type", fields, s.csvForm)
	t.Run("csv", func(t *testing.T) {
		t.Parallel()
		part, err := s.write(t, described, writing{Fields: fields, Options: csvOptions()})
		if err != nil {
			t.Fatal(err)
		}
		rows, err := readCSV(part, ',')
		if err != nil {
			t.Fatal(err)
		}
		for row := range want {
			compareCSV(t, row, fields, want[row], rows[row], `\N`)
		}
	})
	t.Run("jsonl", func(t *testing.T) {
		t.Parallel()
		part, err := s.write(t, described, writing{Fields: fields, Options: jsonlOptions()})
		if err != nil {
			t.Fatal(err)
		}
		compareLines(t, fields, want, part)
	})
	t.Run("parquet", func(t *testing.T) {
		t.Parallel()
		part, err := s.write(t, described, writing{Fields: fields, Options: parquetOptions()})
		if err != nil {
			t.Fatal(err)
		}
		compareParquet(t, fields, want, part)
	})
}

// A numeric that is narrowed keeps what fits exactly; nothing is rounded.
func TestNarrowedNumericConforms(t *testing.T) {
	t.Parallel()
	fits := []string{"0", "-1.5", "1.2000000000", nines(28) + "." + nines(10), "-" + nines(28) + "." + nines(10), "0.0000000001"}
	misfits := []string{"NaN", "1" + strings.Repeat("0", 28), "0.00000000001", "1.23456789012"}
	s := newSource(t)
	if !pgtest.Lacks(t, s.admin.PgConn(), 14, "SELECT 'Infinity'::numeric") {
		misfits = append(misfits, "Infinity", "-Infinity")
	}
	s.fill(t, "narrow", []column{{Type: "numeric", Values: fits, Beyond: misfits}})
	fields, described := s.fields(t, "narrow")
	columns := []table.Column{fields[0].Column, fields[1].Column}
	columns[1].Type, columns[1].Source = "numeric(38,10)", "numeric"
	fields = fieldsOf(t, columns)
	want := s.asked(t, "narrow", fields, func(f table.Field) string {
		if f.Name == "id" {
			return "%s"
		}
		return fmt.Sprintf("CASE WHEN id <= %d THEN %%s::numeric(38,10) END", len(fits))
	})
	for name, options := range map[string]encode.Options{"csv": csvOptions(), "jsonl": jsonlOptions(), "parquet": parquetOptions()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := writing{Fields: fields, Options: options}
			for i := range misfits {
				id := len(fits) + i + 1
				w.Where = fmt.Sprintf("id IN (1, %d)", id)
				_, err := s.write(t, described, w)
				if err == nil || !strings.Contains(err.Error(), `column "numeric"`) || !strings.Contains(err.Error(), fmt.Sprintf(`"id" %d`, id)) {
					t.Errorf("%s: got %v, want an error that names the column and id %d", misfits[i], err, id)
				}
			}
			w.Where, w.NullOutOfRange, w.Options.Null = "", true, true
			part, err := s.write(t, described, w)
			if err != nil {
				t.Fatal(err)
			}
			switch name {
			case "csv":
				rows, err := readCSV(part, ',')
				if err != nil {
					t.Fatal(err)
				}
				for row := range want {
					compareCSV(t, row, fields, want[row], rows[row], `\N`)
				}
			case "jsonl":
				compareLines(t, fields, want, part)
			case "parquet":
				compareParquet(t, fields, want, part)
			}
		})
	}
}

// One value may be as large as memory allows, in every format.
func TestTextOf100MegabytesConforms(t *testing.T) {
	t.Parallel()
	const times = 500_000
	unit := `größe "𝄞", \` + "\n\t" + strings.Repeat("mostly plain, ", 14)
	s := newSource(t, fmt.Sprintf(`CREATE TABLE wide (id bigint, body text);
		INSERT INTO wide SELECT 1, repeat(%s, %d)`, literal(unit), times))
	fields, described := s.fields(t, "wide")
	want := []byte(strings.Repeat(unit, times))
	if len(want) < 100_000_000 {
		t.Fatalf("%d bytes, want 100 MB", len(want))
	}
	for _, format := range []struct {
		options encode.Options
		read    func(part []byte) []byte
	}{
		{csvOptions(), func(part []byte) []byte {
			rows, err := readCSV(part, ',')
			if err != nil {
				t.Fatal(err)
			}
			return []byte(rows[0][1].text)
		}},
		{jsonlOptions(), func(part []byte) []byte {
			var row struct{ Body string }
			if err := json.Unmarshal(part, &row); err != nil {
				t.Fatal(err)
			}
			return []byte(row.Body)
		}},
		{parquetOptions(), func(part []byte) []byte {
			_, _, columns := readParquet(t, part)
			return columns[1][0].ByteArray()
		}},
	} {
		part, err := s.write(t, described, writing{Fields: fields, Options: format.options})
		if err != nil {
			t.Errorf("%s: %v", format.options.Format, err)
			continue
		}
		if got := format.read(part); !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes read back, other than the %d written", format.options.Format, len(got), len(want))
		}
	}
}

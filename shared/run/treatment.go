package run

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/stagelift/stagelift/shared/encode"
	"github.com/stagelift/stagelift/shared/postgres"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
)

// treatment is how one table is read and written.
type treatment struct {
	format     stage.Format
	outOfRange string
	tooLong    string
	targets    []string // whose limits are met
	load       stage.Load
	sweep      sweepRules
	columns    postgres.Columns
	where      string
	cursor     *Cursor
	primaryKey []string
	inherited  string
	widths     widths
}

// defaultCompression is by format: CSV and JSON Lines are read by more without,
// Parquet by all with snappy.
var defaultCompression = map[string]string{"csv": "none", "jsonl": "none", "parquet": "snappy"}

// treat joins the request with what is different about a table.
func (q Request) treat(o Override) (treatment, error) {
	t := treatment{
		format:     q.format(o),
		outOfRange: cmp.Or(o.OutOfRange, q.OutOfRange, "error"),
		tooLong:    cmp.Or(o.TooLong, q.TooLong, encode.Refuse), targets: q.For,
		load:    q.loading(o.Load),
		sweep:   q.sweepRules(o.Load),
		columns: postgres.Columns{Only: o.Columns, Except: o.ExcludeColumns},
		where:   o.Where, cursor: o.Cursor, primaryKey: o.PrimaryKey,
		inherited: cmp.Or(o.Inherited, q.Inherited),
	}
	problems := []error{checkFormat(t.format)}
	if !slices.Contains([]string{"error", "null", "text"}, t.outOfRange) {
		problems = append(problems, fmt.Errorf("out_of_range is %q, want error, null or text", t.outOfRange))
	}
	if !slices.Contains([]string{encode.Refuse, encode.Truncate, encode.Nullify}, t.tooLong) {
		problems = append(problems, fmt.Errorf("too_long is %q, want refuse, truncate or null", t.tooLong))
	}
	if t.inherited != "" && t.inherited != "only" {
		problems = append(problems, fmt.Errorf(`inherited is %q, want only, or nothing for what a SELECT gives`, t.inherited))
	}
	problems = append(problems, t.checkLoadWords(q, o))
	if len(o.Columns) > 0 && len(o.ExcludeColumns) > 0 {
		problems = append(problems, errors.New("columns and exclude_columns exclude each other"))
	}
	if o.Cursor != nil && o.Cursor.Column == "" {
		problems = append(problems, errors.New("cursor.column is empty"))
	}
	var err error
	if t.widths, err = q.widths(o); err != nil {
		problems = append(problems, err)
	}
	if o.Target != "" {
		target, err := table.ParseName(o.Target)
		if err != nil {
			problems = append(problems, fmt.Errorf("target: %w", err))
		}
		t.load.Target = &target
	}
	return t, errors.Join(problems...)
}

// format fills in the defaults of the format that the table is written in.
func (q Request) format(o Override) stage.Format {
	f := stage.Format{Name: cmp.Or(o.Format, q.Format, "csv"), Compression: o.Compression}
	if f.Compression == "" && (o.Format == "" || o.Format == cmp.Or(q.Format, "csv")) {
		f.Compression = q.Compression
	}
	f.Compression = cmp.Or(f.Compression, defaultCompression[f.Name])
	if f.Name != "csv" {
		return f
	}
	f.Delimiter, f.Null, f.Header = cmp.Or(o.Delimiter, q.Delimiter, ","), `\N`, q.Header
	for _, null := range []*string{q.Null, o.Null} {
		if null != nil {
			f.Null = *null
		}
	}
	if o.Header != nil {
		f.Header = *o.Header
	}
	return f
}

func checkFormat(f stage.Format) error {
	compressions, known := encode.Compressions(f.Name)
	if !known {
		return fmt.Errorf("format is %q, want csv, jsonl or parquet", f.Name)
	}
	var problems []error
	if !slices.Contains(compressions, f.Compression) {
		problems = append(problems, fmt.Errorf("compression of %s is %q, want one of %s", f.Name, f.Compression, strings.Join(compressions, ", ")))
	}
	if f.Name == "csv" {
		problems = append(problems, csvOptions(f).Check())
	}
	return errors.Join(problems...)
}

func csvOptions(f stage.Format) encode.CSVOptions {
	return encode.CSVOptions{Header: f.Header, Delimiter: f.Delimiter, Null: f.Null}
}

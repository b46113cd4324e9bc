package snowflake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/stagelift/stagelift/local/sessions"
	"github.com/stagelift/stagelift/local/snowflake/grammar"
	"github.com/stagelift/stagelift/local/snowflake/stagefile"
)

// loader is what PostgreSQL reads: the files' rows in its own text format.
type loader struct {
	sessions.Feed
	// ctx lasts as long as the COPY; io.Reader has no place for it.
	ctx     context.Context
	server  *Server
	copy    *grammar.Copy
	columns []grammar.Column
	files   []file
	options stagefile.Options

	current loaded
	reader  stagefile.Reader
	row     []byte
	done    []loaded
}

// fill makes a batch of text; end is true when there is no more.
func (l *loader) fill() (end bool, err error) {
	for len(l.Text) < sessions.BatchBytes {
		if l.reader == nil {
			if len(l.files) == 0 {
				return true, nil
			}
			if err := l.next(); err != nil {
				return false, err
			}
			continue
		}
		more, err := l.record()
		if err != nil {
			return false, err
		}
		if !more {
			l.close()
			l.done = append(l.done, l.current)
		}
	}
	return false, nil
}

// next opens a file. One that SKIP_FILE skips is read through once before.
func (l *loader) next() error {
	f := l.files[0]
	l.files = l.files[1:]
	if l.copy.OnError.Action == "SKIP_FILE" {
		skip, err := l.tooBad(f)
		if err != nil {
			return err
		}
		if skip {
			l.current.skipped, l.current.rows = true, 0
			l.done = append(l.done, l.current)
			return nil
		}
	}
	if err := l.openFile(f); err != nil || l.reader != nil {
		return err
	}
	l.done = append(l.done, l.current) // it cannot be read, which ON_ERROR forgives
	return nil
}

func (l *loader) openFile(f file) error {
	l.current = loaded{file: f}
	var err error
	if l.reader, err = l.server.open(l.ctx, f, l.copy.Format); err != nil {
		return l.bad("", err)
	}
	return nil
}

func (l *loader) tooBad(f file) (bool, error) {
	if err := l.openFile(f); err != nil {
		return false, err
	}
	defer l.close()
	kept := len(l.Text)
	for l.reader != nil {
		more, err := l.record()
		l.Text = l.Text[:kept]
		if err != nil {
			return false, err
		}
		if !more {
			break
		}
	}
	limit := int64(l.copy.OnError.Limit)
	if l.copy.OnError.Percent {
		return l.current.errors*100 > limit*l.current.parsed, nil
	}
	return l.current.errors >= limit, nil
}

func (l *loader) close() {
	if l.reader != nil {
		_ = l.reader.Close() // reading is over: what it held has been checked
	}
	l.reader = nil
}

// record takes the next record; more is false at the end of the file.
func (l *loader) record() (more bool, err error) {
	err = l.reader.Next()
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	l.current.parsed++
	if err != nil {
		// What comes after a record that cannot be read is not known.
		return false, l.bad("", err)
	}
	if err := l.checkCount(); err != nil {
		return true, l.bad("", err)
	}
	l.row = l.row[:0]
	for i := range l.columns {
		if i > 0 {
			l.row = append(l.row, '\t')
		}
		if err := l.appendColumn(i); err != nil {
			return true, l.bad(fmt.Sprintf("%q[%q:%d]", l.copy.Table.Name, l.columns[i].Name, i+1), err)
		}
	}
	l.Text = append(append(l.Text, l.row...), '\n')
	l.current.rows++
	return true, nil
}

func (l *loader) checkCount() error {
	n := l.reader.Fields()
	if l.copy.Format.Type != "CSV" || l.copy.Transform != nil || l.copy.Match != "" || l.copy.Format.AnyCount || n == len(l.columns) {
		return nil
	}
	return sqlError{"100080", "22000", fmt.Sprintf(
		"Number of columns in file (%d) does not match that of the corresponding table (%d), "+
			"use file format option error_on_column_count_mismatch=false to ignore this error", n, len(l.columns))}
}

func (l *loader) appendColumn(i int) error {
	column := &l.columns[i]
	v, err := l.value(i)
	if err != nil {
		return err
	}
	if v, err = stagefile.Convert(v, stagefile.Target{Type: *column.Type}, l.options); err != nil {
		return err
	}
	if v.Kind == stagefile.Null {
		if column.NotNull {
			return sqlError{"100072", "22000", "NULL result in a non-nullable column"}
		}
		l.row = append(l.row, `\N`...)
		return nil
	}
	l.row = sessions.AppendField(l.row, v.Text)
	return nil
}

// value is what the record has for a column.
func (l *loader) value(i int) (stagefile.Value, error) {
	switch {
	case l.copy.Transform != nil:
		return l.evaluate(l.copy.Transform[i])
	case l.copy.Match != "":
		v, _, err := l.reader.Named(l.columns[i].Name, l.copy.Match == "CASE_SENSITIVE")
		if v.Kind == stagefile.Text && l.copy.Format.TrimSpace {
			v.Text = bytes.TrimSpace(v.Text)
		}
		if v.Kind == stagefile.Text && slices.Contains(l.copy.Format.NullIf, string(v.Text)) {
			return stagefile.Value{}, err // NULL_IF goes for JSON and Parquet in this mode only
		}
		return v, err
	}
	return l.reader.Field(i+1, nil)
}

// bad notes a bad record, and ends the statement unless ON_ERROR says
// otherwise.
func (l *loader) bad(column string, err error) error {
	if !errors.As(err, new(sqlError)) && !errors.As(err, new(*stagefile.Error)) {
		return err // it is not the file's fault
	}
	e := asSQLError(err)
	line := int64(1)
	if l.reader != nil {
		line = l.reader.Line()
	}
	l.current.errors++
	if l.current.errors == 1 {
		l.current.firstError, l.current.firstLine, l.current.firstField = e.message, line, column
	}
	if l.copy.OnError.Action != "ABORT_STATEMENT" {
		r := rejected{problem: e, file: l.current.file.name, column: column, line: line, number: l.current.parsed}
		if l.reader != nil {
			r.record = bytes.Clone(l.reader.Record())
		}
		l.current.rejected = append(l.current.rejected, r)
		return nil
	}
	e.message += fmt.Sprintf("\n  File '%s', line %d, character 1\n  Row %d, column %s\n"+
		"  If you would like to continue loading when an error is encountered, use other values such as 'SKIP_FILE' or 'CONTINUE' "+
		"for the ON_ERROR option. For more information on loading options, please run 'info loading_data' in a SQL client.",
		l.current.file.name, line, l.current.parsed, column)
	return e
}

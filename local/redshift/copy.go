package redshift

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/klauspost/compress/gzip"

	"github.com/stagelift/stagelift/local/redshift/copycsv"
	"github.com/stagelift/stagelift/local/redshift/grammar"
)

// copy loads the files one after the other and returns how many rows they
// had. Nothing but a row and a buffer is held at any time.
func (s *Server) copy(ctx context.Context, conn *pgconn.PgConn, c *grammar.Copy) (int64, error) {
	columns, err := targetColumns(ctx, conn, c)
	if err != nil {
		return 0, err
	}
	files, err := s.files(ctx, c)
	if err != nil {
		return 0, err
	}
	in := &loader{copy: c, columns: columns, files: files, open: func(f file) (io.ReadCloser, error) { return s.open(ctx, f) }}
	defer in.close()
	tag, err := conn.CopyFrom(ctx, in, "COPY "+c.Table.SQL()+" ("+columnList(columns)+") FROM STDIN")
	switch {
	case in.err != nil:
		return 0, in.err
	case err != nil:
		// Flat text: what PostgreSQL refuses beyond the converters is still a
		// failed load, and is not to be explained as another statement's error.
		return 0, errors.New(failedLoad(c) + " Detail: PostgreSQL: " + err.Error())
	}
	return tag.RowsAffected(), nil
}

func failedLoad(c *grammar.Copy) string {
	return "ERROR: Load into table '" + c.Table.Name + "' failed. Check 'sys_load_error_detail' system table for details."
}

// loader is what PostgreSQL reads: the files' rows in its own text format.
type loader struct {
	copy    *grammar.Copy
	columns []column
	files   []file
	open    func(file) (io.ReadCloser, error)

	current file
	body    io.ReadCloser
	rows    *copycsv.Reader
	text    []byte
	unread  []byte
	// err is why reading ended early, in Redshift's words.
	err error
}

// batchBytes is how much text is made at a time, about a message's worth.
const batchBytes = 64 << 10

func (l *loader) Read(p []byte) (int, error) {
	for len(l.unread) == 0 {
		if l.err != nil {
			return 0, l.err
		}
		l.text = l.text[:0]
		end, err := l.fill()
		if err != nil {
			l.err = err
			return 0, err
		}
		if l.unread = l.text; end && len(l.text) == 0 {
			return 0, io.EOF
		}
	}
	n := copy(p, l.unread)
	l.unread = l.unread[n:]
	return n, nil
}

// fill makes a batch of text; end is true when there is no more.
func (l *loader) fill() (end bool, err error) {
	for len(l.text) < batchBytes {
		if l.rows == nil {
			if len(l.files) == 0 {
				return true, nil
			}
			if err := l.next(); err != nil {
				return false, err
			}
		}
		fields, err := l.rows.Read()
		switch {
		case errors.Is(err, io.EOF):
			l.close()
			continue
		case err != nil:
			return false, l.fail("", err)
		}
		if err := l.appendRow(fields); err != nil {
			return false, err
		}
	}
	return false, nil
}

func (l *loader) next() error {
	l.current, l.files = l.files[0], l.files[1:]
	body, err := l.open(l.current)
	if err != nil {
		return err
	}
	l.body = body
	in := io.Reader(body)
	if l.copy.Gzip {
		if in, err = gzip.NewReader(body); err != nil {
			return fmt.Errorf("%s Detail: file %s: not gzip: %w", failedLoad(l.copy), l.current.url(), err)
		}
	}
	l.rows = copycsv.NewReader(in, l.copy.Quote, l.copy.Delimiter)
	for range l.copy.IgnoreHeader {
		if err := l.rows.SkipLine(); err != nil && !errors.Is(err, io.EOF) {
			return l.fail("", err)
		}
	}
	return nil
}

func (l *loader) close() {
	if l.body != nil {
		_ = l.body.Close() // reading is over: what it held has been checked
	}
	l.body, l.rows = nil, nil
}

func (l *loader) appendRow(fields []copycsv.Field) error {
	switch {
	case len(fields) < len(l.columns):
		return l.fail("", fmt.Errorf("Delimiter not found: %d fields for %d columns", len(fields), len(l.columns)))
	case len(fields) > len(l.columns):
		return l.fail("", fmt.Errorf("Extra column(s) found: %d fields for %d columns", len(fields), len(l.columns)))
	}
	for i := range l.columns {
		if i > 0 {
			l.text = append(l.text, '\t')
		}
		if err := l.appendField(&l.columns[i], fields[i]); err != nil {
			return l.fail(l.columns[i].name, err)
		}
	}
	l.text = append(l.text, '\n')
	return nil
}

// appendField writes one value. A quoted field is never NULL by its text, but
// an empty one is, quoted or not, in a column that is not of characters, and
// under EMPTYASNULL ("Data conversion parameters").
func (l *loader) appendField(c *column, f copycsv.Field) error {
	null := !f.Quoted && string(f.Text) == l.copy.Null
	if len(f.Text) == 0 && (!c.characters || l.copy.EmptyAsNull) {
		null = true
	}
	if null {
		if c.notNull {
			return errors.New("Missing data for not-null field")
		}
		l.text = append(l.text, `\N`...)
		return nil
	}
	text, err := c.convert(l.text, f.Text, l.copy)
	if err != nil {
		return err
	}
	l.text = text
	return nil
}

// fail names the place, for want of the system table that would.
func (l *loader) fail(column string, err error) error {
	where := fmt.Sprintf("file %s, line %d", l.current.url(), l.rows.Line())
	if column != "" {
		where += ", column " + column
	}
	return fmt.Errorf("%s Detail: %s: %w", failedLoad(l.copy), where, err)
}

func columnList(columns []column) string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = `"` + strings.ReplaceAll(c.held, `"`, `""`) + `"`
	}
	return strings.Join(names, ", ")
}

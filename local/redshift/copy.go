package redshift

import (
	"compress/bzip2"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/stagelift/stagelift/local/redshift/grammar"
)

// copy loads the files one after the other and returns how many rows they
// had. Nothing but a row and a buffer is held at any time.
func (s *Server) copy(ctx context.Context, conn *pgconn.PgConn, c *grammar.Copy, query int64) (int64, error) {
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
	place := &loadError{}
	switch {
	case errors.As(in.err, &place):
		return 0, errors.Join(in.err, s.noteError(ctx, query, place))
	case in.err != nil:
		return 0, in.err
	case err != nil:
		// Flat text: what PostgreSQL refuses beyond the converters is still a
		// failed load, and is not to be explained as another statement's error.
		return 0, errors.New(failedLoad(c) + " Detail: PostgreSQL: " + err.Error())
	}
	return tag.RowsAffected(), nil
}

// loadError is a row that could not be loaded.
type loadError struct {
	copy   *grammar.Copy
	file   file
	line   int
	column string
	err    error
}

func (e *loadError) Error() string {
	where := fmt.Sprintf("file %s, line %d", e.file.url(), e.line)
	if e.column != "" {
		where += ", column " + e.column
	}
	return fmt.Sprintf("%s Detail: %s: %v", failedLoad(e.copy), where, e.err)
}

func (e *loadError) Unwrap() error { return e.err }

// noteError tells of it in sys_load_error_detail, outside of the transaction,
// which is rolled back.
func (s *Server) noteError(ctx context.Context, query int64, e *loadError) error {
	conn, err := s.sessions.Take(ctx)
	if err != nil {
		return fmt.Errorf("connecting to note a load error: %w", err)
	}
	defer s.sessions.Return(ctx, conn)
	const sql = "INSERT INTO " + systemSchema + ".sys_load_error_detail" +
		" (query_id, file_name, line_number, column_name, error_code, error_message) VALUES ($1, $2, $3, $4, 1204, $5)"
	args := [][]byte{
		[]byte(strconv.FormatInt(query, 10)), []byte(e.file.url()), []byte(strconv.Itoa(e.line)), []byte(e.column), []byte(e.err.Error()),
	}
	if _, err := conn.ExecParams(ctx, sql, args, nil, nil, nil).Close(); err != nil {
		return fmt.Errorf("noting a load error: %w", err)
	}
	return nil
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
	rows    rows
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
		cells, err := l.rows.read()
		switch {
		case errors.Is(err, io.EOF):
			l.close()
			continue
		case err != nil:
			return false, l.fail("", err)
		}
		if err := l.appendRow(cells); err != nil {
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
	in, err := decompress(body, l.copy.Compression)
	if err != nil {
		return fmt.Errorf("%s Detail: file %s: not %s: %w", failedLoad(l.copy), l.current.url(), l.copy.Compression, err)
	}
	switch l.copy.Format {
	case grammar.JSON:
		l.rows = newJSONRows(in, l.copy, l.columns)
	case grammar.Parquet:
		l.rows, err = newParquetRows(in, l.columns)
	default:
		l.rows, err = newCSVRows(in, l.copy, l.columns)
	}
	if err != nil {
		return &loadError{l.copy, l.current, 0, "", err}
	}
	return nil
}

// decompress reads what COPY's option says. None of them is told by the name.
func decompress(in io.Reader, how string) (io.Reader, error) {
	switch how {
	case "gzip":
		return gzip.NewReader(in)
	case "zstd":
		return zstd.NewReader(in)
	case "bzip2":
		return bzip2.NewReader(in), nil
	}
	return in, nil
}

func (l *loader) close() {
	if l.body != nil {
		_ = l.body.Close() // reading is over: what it held has been checked
	}
	l.body, l.rows = nil, nil
}

func (l *loader) appendRow(cells []cell) error {
	switch {
	case len(cells) < len(l.columns):
		return l.fail("", fmt.Errorf("Delimiter not found: %d fields for %d columns", len(cells), len(l.columns)))
	case len(cells) > len(l.columns):
		return l.fail("", fmt.Errorf("Extra column(s) found: %d fields for %d columns", len(cells), len(l.columns)))
	}
	for i := range l.columns {
		if i > 0 {
			l.text = append(l.text, '\t')
		}
		if err := l.appendCell(&l.columns[i], cells[i]); err != nil {
			return l.fail(l.columns[i].name, err)
		}
	}
	l.text = append(l.text, '\n')
	return nil
}

func (l *loader) appendCell(c *column, value cell) error {
	if value.null {
		if c.notNull {
			return errors.New("Missing data for not-null field")
		}
		l.text = append(l.text, `\N`...)
		return nil
	}
	text, err := c.convert(l.text, value.text, l.copy)
	if err != nil {
		return err
	}
	l.text = text
	return nil
}

func (l *loader) fail(column string, err error) error {
	return &loadError{l.copy, l.current, l.rows.line(), column, err}
}

func columnList(columns []column) string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = `"` + strings.ReplaceAll(c.held, `"`, `""`) + `"`
	}
	return strings.Join(names, ", ")
}

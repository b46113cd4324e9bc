package redshift

import (
	"compress/bzip2"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/stagelift/stagelift/local/redshift/grammar"
	"github.com/stagelift/stagelift/local/sessions"
	"github.com/stagelift/stagelift/local/sqltext"
)

// copy loads the files one after the other and returns how many rows they
// had. Nothing but a row and a buffer is held at any time, and the rows that
// MAXERROR forgives.
func (s *session) copy(ctx context.Context, c *grammar.Copy, query int64) (int64, error) {
	columns, err := s.targetColumns(ctx, c)
	if err != nil {
		return 0, err
	}
	files, err := s.files(ctx, c)
	if err != nil {
		return 0, err
	}
	in := &loader{copy: c, columns: columns, files: files, rules: &s.options, open: func(f file) (io.ReadCloser, error) { return s.open(ctx, f) }}
	in.Fill = in.fill
	defer in.close()
	begun := s.options.now()
	tag, err := s.conn.CopyFrom(ctx, in, "COPY "+c.Table.SQL()+" ("+columnList(columns)+") FROM STDIN")
	place := &loadError{}
	if errors.As(in.Err, &place) {
		in.errors = append(in.errors, place)
	}
	noted := s.noteErrors(ctx, query, begun, in.errors)
	refused := &pgconn.PgError{}
	switch {
	case in.Err != nil:
		return 0, errors.Join(in.Err, noted)
	case errors.As(err, &refused) && refused.Code == insufficientPrivilege:
		return 0, err
	case err != nil:
		// Flat text: what PostgreSQL refuses beyond the converters is still a
		// failed load, and is not to be explained as another statement's error.
		return 0, errors.New(failedLoad(c) + " Detail: PostgreSQL: " + err.Error())
	}
	return tag.RowsAffected(), noted
}

// loadError is a row that could not be loaded.
type loadError struct {
	copy   *grammar.Copy
	file   file
	line   int
	column *column
	err    error
}

func (e *loadError) Error() string {
	where := fmt.Sprintf("file %s, line %d", e.file.url(), e.line)
	if e.column != nil {
		where += ", column " + e.column.name
	}
	return fmt.Sprintf("%s Detail: %s: %v", failedLoad(e.copy), where, e.err)
}

func (e *loadError) Unwrap() error { return e.err }

// noteErrors tells of them in sys_load_error_detail, outside of the
// transaction, which may be rolled back.
func (s *session) noteErrors(ctx context.Context, query int64, begun time.Time, list []*loadError) error {
	if len(list) == 0 {
		return nil
	}
	conn, err := s.sessions.Take(ctx)
	if err != nil {
		return fmt.Errorf("connecting to note load errors: %w", err)
	}
	defer s.sessions.Return(ctx, conn)
	const sql = "INSERT INTO " + systemSchema + ".sys_load_error_detail (user_id, query_id, session_id, database_name, start_time," +
		" file_name, line_number, column_name, column_type, column_length, error_code, error_message) VALUES"
	var values strings.Builder
	for i, e := range list {
		if i > 0 {
			values.WriteString(",")
		}
		name, kind, length := "", "", ""
		if e.column != nil {
			name, kind, length = e.column.name, e.column.shortType(), e.column.lengthText()
		}
		code := codeInvalid
		if f := (*fault)(nil); errors.As(e.err, &f) {
			code = f.code
		}
		fmt.Fprintf(&values, " (%s, %d, %d, %s, %s, %s, %d, %s, %s, %s, %d, %s)", grammar.UserID, query, s.conn.PID(), sqltext.QuoteText(s.options.Database),
			sqltext.QuoteText(begun.UTC().Format("2006-01-02 15:04:05.000000")), sqltext.QuoteText(e.file.url()), e.line,
			sqltext.QuoteText(name), sqltext.QuoteText(kind), sqltext.QuoteText(length), code, sqltext.QuoteText(e.err.Error()))
	}
	if err := command(ctx, conn, sql+values.String()); err != nil {
		return fmt.Errorf("noting load errors: %w", err)
	}
	return nil
}

func failedLoad(c *grammar.Copy) string {
	return "ERROR: Load into table '" + c.Table.Name + "' failed. Check 'sys_load_error_detail' system table for details."
}

// loader is what PostgreSQL reads: the files' rows in its own text format.
type loader struct {
	sessions.Feed
	copy    *grammar.Copy
	columns []column
	files   []file
	open    func(file) (io.ReadCloser, error)
	rules   *Options

	current file
	body    io.ReadCloser
	rows    rows
	// errors are the rows that MAXERROR has forgiven so far.
	errors []*loadError
}

// fill makes a batch of text; end is true when there is no more.
func (l *loader) fill() (end bool, err error) {
	for len(l.Text) < sessions.BatchBytes {
		if l.rows == nil {
			if len(l.files) == 0 {
				return true, nil
			}
			if err := l.next(); err != nil {
				return false, err
			}
		}
		begin := len(l.Text)
		cells, err := l.rows.read()
		if errors.Is(err, io.EOF) {
			l.close()
			continue
		}
		if err != nil {
			err = l.fail(nil, err)
		} else {
			err = l.appendRow(cells)
		}
		if err != nil {
			if !l.forgives(err) {
				return false, err
			}
			l.Text = l.Text[:begin]
		}
	}
	return false, nil
}

// forgives notes a row that could not be loaded, unless it is the one too many
// ("Data load operations", MAXERROR). What comes after a row that could not be
// read at all is not known.
func (l *loader) forgives(err error) bool {
	place := &loadError{}
	if !errors.As(err, &place) || !errors.As(err, new(*fault)) || len(l.errors)+1 >= max(1, l.copy.MaxError) {
		return false
	}
	l.errors = append(l.errors, place)
	return true
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
		l.rows, err = newParquetRows(in, l.copy, l.columns, l.current.url(), l.rules.ParquetTime)
	default:
		if in, err = decoded(in, l.copy.Encoding); err == nil {
			l.rows, err = newCSVRows(in, l.copy, l.columns)
		}
	}
	if err != nil {
		return &loadError{l.copy, l.current, 0, nil, err}
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
	case len(cells) < len(l.columns) && !l.copy.FillRecord:
		return l.fail(nil, faulty(codeDelimiter, "Delimiter not found: %d fields for %d columns", len(cells), len(l.columns)))
	case len(cells) > len(l.columns):
		return l.fail(nil, faulty(codeExtraColumns, "Extra column(s) found: %d fields for %d columns", len(cells), len(l.columns)))
	}
	size := 0
	for i := range cells {
		size += len(cells[i].text)
	}
	for i := range l.columns {
		if i > 0 {
			l.Text = append(l.Text, '\t')
		}
		value := filled(l.copy, &l.columns[i])
		if i < len(cells) {
			value = cells[i]
		}
		if err := l.appendCell(&l.columns[i], value, size); err != nil {
			return l.fail(&l.columns[i], err)
		}
	}
	l.Text = append(l.Text, '\n')
	return nil
}

// appendCell writes a value of a row of so many bytes.
func (l *loader) appendCell(c *column, value cell, row int) error {
	if value.null {
		if c.notNull {
			return faulty(codeNull, "Missing data for not-null field")
		}
		l.Text = append(l.Text, `\N`...)
		return nil
	}
	text, err := c.convert(l.Text, changed(l.copy, c, value.text, row), l.copy)
	if err != nil {
		return err
	}
	l.Text = text
	return nil
}

func (l *loader) fail(c *column, err error) error {
	return &loadError{l.copy, l.current, l.rows.line(), c, err}
}

func columnList(columns []column) string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = `"` + strings.ReplaceAll(c.held, `"`, `""`) + `"`
	}
	return strings.Join(names, ", ")
}

package encode

import (
	"io"
	"strings"

	"github.com/stagelift/stagelift/shared/table"
)

// CSVHeader returns the line of column names, quoted where CSV needs it and
// ended by a newline.
func CSVHeader(names []string, delimiter string) []byte {
	var b strings.Builder
	for i, name := range names {
		if i > 0 {
			b.WriteString(delimiter)
		}
		if name == "" || strings.ContainsAny(name, delimiter+"\"\r\n") || name != strings.TrimSpace(name) {
			name = `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
		}
		b.WriteString(name)
	}
	b.WriteByte('\n')
	return []byte(b.String())
}

// Names returns the columns' names in order.
func Names(columns []table.Column) []string {
	names := make([]string, len(columns))
	for i, column := range columns {
		names[i] = column.Name
	}
	return names
}

// csv passes rows on.
type csv struct {
	compressor Compressor
	header     []byte
}

func newCSV(fields []table.Field, o Options) (*csv, error) {
	compressor, err := NewCompressor(o.Compression)
	if err != nil {
		return nil, err
	}
	c := &csv{compressor: compressor}
	if o.Header {
		names := make([]string, len(fields))
		for i, field := range fields {
			names[i] = field.Name
		}
		c.header = CSVHeader(names, o.Delimiter)
	}
	return c, nil
}

func (c *csv) Row(message []byte) ([]byte, error) { return message, nil }

func (c *csv) Begin(w io.Writer) error {
	c.compressor.Reset(w)
	if c.header == nil {
		return nil
	}
	_, err := c.compressor.Write(c.header)
	return err
}

func (c *csv) Write(row []byte) error {
	_, err := c.compressor.Write(row)
	return err
}

func (c *csv) Buffered() int64 { return 0 }
func (c *csv) End() error      { return c.compressor.Close() }

package encode

import (
	"fmt"
	"strings"

	"github.com/stagelift/stagelift/shared/encode/copybinary"
	"github.com/stagelift/stagelift/shared/table"
)

// csvColumn is how the values of a column are written, those that are not NULL.
type csvColumn struct {
	form csvForm
	// bare is true when what is printed never needs quotes, whatever the value
	// is. It is false for text.
	bare bool
	// unchecked is table.Image's.
	unchecked bool
	// print appends a value that is csvPrinted.
	print func(dst, raw []byte) ([]byte, error)
}

type csvForm int

const (
	csvPrinted csvForm = iota
	// csvText is there already, csvJSONB too, behind its version.
	csvText
	csvJSONB
	// csvChar is printed as text, which may need quotes whatever it is.
	csvChar
	// csvHex is bytes, printed as hexadecimal digits.
	csvHex
)

// csvPrinters are the wires that are printed, each with all the characters that
// it prints as.
var csvPrinters = map[table.Wire]struct {
	print    func(dst, raw []byte) ([]byte, error)
	alphabet string
}{
	table.WireBool:        {copybinary.AppendBool, "tf"},
	table.WireInt16:       {copybinary.AppendInt16, "-0123456789"},
	table.WireInt32:       {copybinary.AppendInt32, "-0123456789"},
	table.WireInt64:       {copybinary.AppendInt64, "-0123456789"},
	table.WireOID:         {copybinary.AppendOID, "0123456789"},
	table.WireFloat32:     {copybinary.AppendFloat32, "-+.0123456789eInfinityNaN"},
	table.WireFloat64:     {copybinary.AppendFloat64, "-+.0123456789eInfinityNaN"},
	table.WireNumeric:     {copybinary.AppendNumeric, "-.0123456789InfinityNaN"},
	table.WireDate:        {copybinary.AppendDate, "-0123456789 BCinfinity"},
	table.WireTime:        {copybinary.AppendTime, "0123456789:."},
	table.WireTimeTZ:      {copybinary.AppendTimeTZ, "0123456789:.+-"},
	table.WireTimestamp:   {copybinary.AppendTimestamp, "-0123456789 :.BCinfinity"},
	table.WireTimestampTZ: {copybinary.AppendTimestampTZ, "-0123456789 :.+BCinfinity"},
	table.WireUUID:        {copybinary.AppendUUID, hexAlphabet + "-"},
}

const hexAlphabet = "0123456789abcdef"

// column returns how a field is written.
func (q *quotes) column(field table.Field) (csvColumn, error) {
	switch field.Wire {
	case table.WireText, table.WireJSON:
		return csvColumn{form: csvText, unchecked: field.Unchecked()}, nil
	case table.WireChar:
		return csvColumn{form: csvChar}, nil
	case table.WireJSONB:
		return csvColumn{form: csvJSONB}, nil
	case table.WireBytes:
		return csvColumn{form: csvHex, bare: q.unneeded(hexAlphabet)}, nil
	default:
		printer, known := csvPrinters[field.Wire]
		if !known {
			return csvColumn{}, fmt.Errorf("column %s: CSV has no form of wire %d", table.Quote(field.Name), field.Wire)
		}
		return csvColumn{print: printer.print, bare: q.unneeded(printer.alphabet)}, nil
	}
}

// unneeded reports whether no value needs quotes that is made of these
// characters, one or more.
func (q *quotes) unneeded(alphabet string) bool {
	isNull := q.null != "" && strings.Trim(q.null, alphabet) == ""
	return !q.always && !isNull && strings.IndexByte(alphabet, q.delimiter) < 0
}

const (
	// wideValue is from how many bytes on a value is written in pieces, so that
	// the buffer does not grow with it.
	wideValue = 1 << 10
	widePiece = 16 << 10
)

// append appends a value that is not NULL.
func (c *csv) append(column *csvColumn, raw []byte) (err error) {
	switch column.form {
	case csvPrinted:
		start := len(c.text)
		if c.text, err = column.print(c.text, raw); err == nil && !column.bare {
			c.text = c.quotes.around(c.text, start)
		}
		return err
	case csvJSONB:
		if raw, err = copybinary.JSONB(raw); err != nil {
			return err
		}
	case csvHex:
		return c.appendHex(column.bare, raw)
	case csvChar:
		var text [4]byte
		if raw, err = copybinary.AppendChar(text[:0], raw); err != nil {
			return err
		}
	case csvText:
		if column.unchecked {
			if err := copybinary.UTF8(raw); err != nil {
				return err
			}
		}
	}
	if len(raw) > wideValue {
		return c.appendWide(raw)
	}
	c.text = c.quotes.append(c.text, raw)
	return nil
}

// appendWide appends text in pieces.
func (c *csv) appendWide(text []byte) error {
	if !c.quotes.always && !c.quotes.needed(text) {
		return c.pieces(text, func(dst, piece []byte) []byte { return append(dst, piece...) })
	}
	c.text = append(c.text, '"')
	err := c.pieces(text, appendDoubled)
	c.text = append(c.text, '"')
	return err
}

// appendHex appends bytes, in pieces unless some of the digits may need quotes,
// which is known when they are all there.
func (c *csv) appendHex(bare bool, raw []byte) error {
	switch {
	case bare && len(raw) > wideValue:
		return c.pieces(raw, copybinary.AppendHex)
	case bare && len(raw) > 0:
		c.text = copybinary.AppendHex(c.text, raw)
		return nil
	case c.quotes.always:
		c.text = append(c.text, '"')
		err := c.pieces(raw, copybinary.AppendHex)
		c.text = append(c.text, '"')
		return err
	}
	start := len(c.text)
	c.text = copybinary.AppendHex(c.text, raw)
	c.text = c.quotes.around(c.text, start)
	return nil
}

// pieces appends a value piece by piece, and gives the compressor what fills the
// buffer.
func (c *csv) pieces(value []byte, appendPiece func(dst, piece []byte) []byte) error {
	for len(value) > 0 {
		n := min(len(value), widePiece)
		c.text = appendPiece(c.text, value[:n])
		value = value[n:]
		if len(c.text) < lineBuffer {
			continue
		}
		if err := c.flush(); err != nil {
			return err
		}
	}
	return nil
}

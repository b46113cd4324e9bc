package encode

import (
	"bytes"
	"encoding/base64"
	"slices"

	"github.com/stagelift/stagelift/shared/encode/copybinary"
	"github.com/stagelift/stagelift/shared/table"
)

// jsonPrinter appends a value, which is not NULL, as JSON.
type jsonPrinter func(dst, raw []byte) ([]byte, error)

// jsonPrinters are the forms of JSON, each of the wires that it can be made of.
var jsonPrinters = map[table.JSON]map[table.Wire]jsonPrinter{
	table.JSONString: {
		table.WireText:        appendJSONString,
		table.WireChar:        appendJSONChar,
		table.WireDate:        quoted(copybinary.AppendDate),
		table.WireTime:        quoted(copybinary.AppendTime),
		table.WireTimeTZ:      quoted(copybinary.AppendTimeTZ),
		table.WireTimestamp:   quoted(copybinary.AppendTimestampISO),
		table.WireTimestampTZ: quoted(copybinary.AppendTimestampTZISO),
		table.WireUUID:        quoted(copybinary.AppendUUID),
	},
	table.JSONNumber: {
		table.WireInt16:   copybinary.AppendInt16,
		table.WireInt32:   copybinary.AppendInt32,
		table.WireInt64:   copybinary.AppendInt64,
		table.WireOID:     copybinary.AppendOID,
		table.WireFloat32: number(copybinary.AppendFloat32),
		table.WireFloat64: number(copybinary.AppendFloat64),
		table.WireNumeric: number(copybinary.AppendNumeric),
	},
	table.JSONBoolean: {table.WireBool: appendJSONBoolean},
	table.JSONRaw:     {table.WireJSON: appendJSON, table.WireJSONB: appendJSONB},
	table.JSONBase64:  {table.WireBytes: appendBase64},
}

// quoted puts what needs no escapes into quotes.
func quoted(printer jsonPrinter) jsonPrinter {
	return func(dst, raw []byte) ([]byte, error) {
		dst, err := printer(append(dst, '"'), raw)
		return append(dst, '"'), err
	}
}

// number puts NaN and the infinities into quotes, since JSON has no numbers for
// them. They are told by their last letter.
func number(printer jsonPrinter) jsonPrinter {
	return func(dst, raw []byte) ([]byte, error) {
		start := len(dst)
		dst, err := printer(dst, raw)
		if err != nil {
			return dst, err
		}
		if last := dst[len(dst)-1]; last == 'N' || last == 'y' {
			dst = append(slices.Insert(dst, start, '"'), '"')
		}
		return dst, nil
	}
}

func appendJSONBoolean(dst, raw []byte) ([]byte, error) {
	value, err := copybinary.Bool(raw)
	switch {
	case err != nil:
		return dst, err
	case value:
		return append(dst, "true"...), nil
	}
	return append(dst, "false"...), nil
}

func appendBase64(dst, raw []byte) ([]byte, error) {
	return append(base64.StdEncoding.AppendEncode(append(dst, '"'), raw), '"'), nil
}

func appendJSONChar(dst, raw []byte) ([]byte, error) {
	var text [4]byte
	printed, err := copybinary.AppendChar(text[:0], raw)
	if err != nil {
		return dst, err
	}
	return appendJSONString(dst, printed)
}

// appendJSON appends JSON as it is, on one line. Line breaks stand only between
// its tokens, where a space means the same; within strings they are escaped.
func appendJSON(dst, raw []byte) ([]byte, error) {
	if err := copybinary.UTF8(raw); err != nil {
		return dst, err
	}
	start := len(dst)
	dst = append(dst, raw...)
	for _, lineBreak := range []byte{'\n', '\r'} {
		for rest := dst[start:]; ; {
			at := bytes.IndexByte(rest, lineBreak)
			if at < 0 {
				break
			}
			rest[at] = ' '
			rest = rest[at+1:]
		}
	}
	return dst, nil
}

func appendJSONB(dst, raw []byte) ([]byte, error) {
	text, err := copybinary.JSONB(raw)
	if err != nil {
		return dst, err
	}
	return appendJSON(dst, text)
}

// Package copybinary takes apart the rows that COPY … TO STDOUT (FORMAT binary)
// sends, and reads and prints the values in them.
//
//	row, err := copybinary.Row(message)    // nil: the message holds no row
//	err = copybinary.Split(row, fields)    // fields[i] is nil for NULL
//	id, err := copybinary.Int64(fields[0]) // or
//	line, err = copybinary.AppendText(line, table.WireInt64, fields[0])
//
// What is printed is what PostgreSQL prints itself, character by character,
// with DateStyle ISO, TimeZone UTC, extra_float_digits 3 and bytea_output hex.
//
// Nothing is guessed. Every length and every range is checked, and bytes that
// PostgreSQL does not send are an error that says what was expected. Nothing is
// copied either: rows and fields share their bytes with the message, and
// appenders allocate only where dst is too small. After an error the bytes that
// an appender added are of no use; dst is returned as it was given.
//
// Not promised: that text is UTF-8. UTF8 tells, of what table.Image calls
// unchecked above all.
//
// The format is described in PostgreSQL's manual under COPY, "Binary Format";
// the values are those of the types' send functions.
package copybinary

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// signature begins a COPY. No row does: it would have 20,551 fields, and a row
// of PostgreSQL has no more than 1,664.
var signature = []byte("PGCOPY\n\xff\r\n\x00")

const (
	// headerBytes are the signature, the flags and the length of the extension.
	headerBytes = 11 + 4 + 4
	// critical are the flags that change the format of what follows; a reader
	// that does not know one must give up. The others may be ignored.
	critical = 0xffff0000

	trailer = -1
	null    = -1
)

// Row returns the row of one CopyData message, without the header that COPY
// puts before its first row, the header's extension included. It is nil where
// the message holds no row: the header alone, the trailer, or both.
func Row(message []byte) (row []byte, err error) {
	row, err = withoutHeader(message)
	if err != nil {
		return nil, fmt.Errorf("reading a message of COPY: %w", err)
	}
	if len(row) == 0 && len(message) > 0 {
		return nil, nil
	}
	if len(row) < 2 {
		return nil, fmt.Errorf("reading a message of COPY: %d bytes, want a row, which begins with two", len(row))
	}
	switch count := readInt16(row); {
	case count == trailer && len(row) == 2:
		return nil, nil
	case count == trailer:
		return nil, fmt.Errorf("reading a message of COPY: %d bytes behind the trailer, want none", len(row)-2)
	case count < 0:
		return nil, fmt.Errorf("reading a message of COPY: a row of %d fields", count)
	}
	return row, nil
}

func withoutHeader(message []byte) ([]byte, error) {
	if !bytes.HasPrefix(message, signature) {
		return message, nil
	}
	if len(message) < headerBytes {
		return nil, fmt.Errorf("a header of %d bytes, want %d or more", len(message), headerBytes)
	}
	if flags := binary.BigEndian.Uint32(message[len(signature):]); flags&critical != 0 {
		return nil, fmt.Errorf("a header with the flags %#x, of which %#x are not known here", flags, flags&critical)
	}
	extension, rest := readInt32(message[len(signature)+4:]), message[headerBytes:]
	if extension < 0 || int(extension) > len(rest) {
		return nil, fmt.Errorf("a header's extension of %d bytes, want 0 to %d, which follow", extension, len(rest))
	}
	return rest[extension:], nil
}

var errShort = errors.New("the row ends within it")

// Split cuts a row into its fields: nil for NULL, empty and not nil for an empty
// value. The row must have exactly len(fields) of them.
func Split(row []byte, fields [][]byte) error {
	if len(row) < 2 {
		return fmt.Errorf("splitting a row: %d bytes, want two or more", len(row))
	}
	if count := int(readInt16(row)); count != len(fields) {
		return fmt.Errorf("splitting a row: %d fields, want %d", count, len(fields))
	}
	rest := row[2:]
	for i := range fields {
		if len(rest) < 4 {
			return splitting(i, len(fields), errShort)
		}
		length := int(readInt32(rest))
		rest = rest[4:]
		switch {
		case length == null:
			fields[i] = nil
			continue
		case length < 0:
			return splitting(i, len(fields), fmt.Errorf("a length of %d bytes", length))
		case length > len(rest):
			return splitting(i, len(fields), errShort)
		}
		fields[i], rest = rest[:length:length], rest[length:]
	}
	if len(rest) > 0 {
		return fmt.Errorf("splitting a row: %d bytes are left behind its %d fields, want none", len(rest), len(fields))
	}
	return nil
}

// Next cuts the first field off those of a row: Split field by field, for those
// who need them one after the other and once only. The fields begin behind the
// row's first two bytes. ok is false where Split says what is wrong with the row;
// that their number is right, and that nothing is left behind the last, is the
// caller's to see.
func Next(fields []byte) (value, rest []byte, ok bool) {
	if len(fields) < 4 {
		return nil, nil, false
	}
	length := int(readInt32(fields))
	fields = fields[4:]
	if uint(length) > uint(len(fields)) { // less than 0 is more than any length
		return nil, fields, length == null
	}
	return fields[:length:length], fields[length:], true
}

func splitting(i, of int, err error) error {
	return fmt.Errorf("splitting a row: field %d of %d: %w", i+1, of, err)
}

package encode

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"

	"github.com/stagelift/stagelift/shared/encode/copybinary"
	"github.com/stagelift/stagelift/shared/table"
)

// What becomes of a value that is too long for what it is loaded into.
const (
	Refuse   = "refuse"
	Truncate = "truncate"
	Nullify  = "null"
)

// Fit makes the values of rows fit their limits before they are encoded. It looks
// at the fields of a row only if the row is longer than the narrowest limit, and
// changes no row that fits. It serves one stream and one table.
type Fit struct {
	fields  []table.Field
	limits  []table.Limit
	tooLong []string
	key     []int
	least   int
	row     []byte // that the last changed row was put together in
	counts  []Altered
	altered bool
}

// Altered is how many values of a column were changed.
type Altered struct{ Truncated, Nulled int64 }

// NewFit returns a Fit for rows with these fields; nil when none has a limit. For
// each field tooLong says what becomes of a value that passes its limit: it is
// refused by a RangeError, truncated where its limit allows, or NULL. key is that
// of Options.
func NewFit(fields []table.Field, limits []table.Limit, tooLong []string, key []int) *Fit {
	f := &Fit{fields: fields, limits: limits, tooLong: tooLong, key: key, counts: make([]Altered, len(fields))}
	for _, limit := range limits {
		for _, n := range []int{limit.Bytes, limit.Characters} {
			if n > 0 && (f.least == 0 || n < f.least) {
				f.least = n
			}
		}
	}
	if f.least == 0 {
		return nil
	}
	return f
}

// Row returns the row with every value within its limit. A row that was changed is
// good until the next.
func (f *Fit) Row(row []byte) ([]byte, error) {
	if f == nil || len(row) <= f.least {
		return row, nil
	}
	if len(row) < 2 || int(binary.BigEndian.Uint16(row)) != len(f.fields) {
		return row, nil // the encoder says what is wrong with it
	}
	rest, copied := row[2:], 0
	f.row = f.row[:0]
	for i := range f.fields {
		raw, behind, ok := copybinary.Next(rest)
		if !ok {
			return row, nil
		}
		start := len(row) - len(rest)
		rest = behind
		if raw == nil || holds(f.limits[i], raw) {
			continue
		}
		value, err := f.cut(row, i, raw)
		if err != nil {
			return nil, err
		}
		f.row = append(f.row, row[copied:start]...)
		copied = len(row) - len(rest)
		length := int32(-1)
		if value != nil {
			length = int32(len(value)) //nolint:gosec // at most a limit
		}
		f.row = append(binary.BigEndian.AppendUint32(f.row, uint32(length)), value...)
	}
	if copied == 0 {
		return row, nil
	}
	f.row = append(f.row, row[copied:]...)
	return f.row, nil
}

// cut returns what is kept of a value that is too long; nil is NULL.
func (f *Fit) cut(row []byte, i int, raw []byte) ([]byte, error) {
	limit := f.limits[i]
	switch {
	case f.tooLong[i] == Truncate && limit.Cut:
		f.altered = true
		f.counts[i].Truncated++
		return kept(limit, raw), nil
	case f.tooLong[i] == Nullify:
		f.altered = true
		f.counts[i].Nulled++
		return nil, nil
	}
	values := make([][]byte, len(f.fields))
	if err := copybinary.Split(row, values); err != nil {
		return nil, err
	}
	key := ""
	if len(f.key) > 0 {
		key = copybinary.Key(f.fields, values, f.key)
	}
	return nil, &RangeError{
		Column: f.fields[i].Name, Key: key, Value: fmt.Sprintf("a value of %d bytes", len(raw)), Limit: passed(limit, raw), TooLong: true,
	}
}

// holds tells whether a value is within its limit.
func holds(limit table.Limit, raw []byte) bool {
	return (limit.Bytes == 0 || len(raw) <= limit.Bytes) &&
		(limit.Characters == 0 || len(raw) <= limit.Characters || utf8.RuneCount(raw) <= limit.Characters)
}

// kept is what a limit leaves of a text, in whole characters.
func kept(limit table.Limit, raw []byte) []byte {
	n := len(raw)
	if limit.Bytes > 0 && n > limit.Bytes {
		for n = limit.Bytes; n > 0 && !utf8.RuneStart(raw[n]); {
			n--
		}
	}
	if limit.Characters > 0 && n > limit.Characters {
		at := 0
		for left := limit.Characters; left > 0 && at < n; left-- {
			_, size := utf8.DecodeRune(raw[at:n])
			at += size
		}
		n = at
	}
	return raw[:n:n]
}

func passed(limit table.Limit, raw []byte) string {
	if limit.Bytes > 0 && len(raw) > limit.Bytes {
		return fmt.Sprintf("%s takes at most %d", limit.Target, limit.Bytes)
	}
	return fmt.Sprintf("its text takes at most %d characters", limit.Characters)
}

// Take returns what was changed since the last time, by column, and forgets it.
func (f *Fit) Take() map[string]Altered {
	if f == nil || !f.altered {
		return nil
	}
	taken := map[string]Altered{}
	for i, n := range f.counts {
		if n != (Altered{}) {
			taken[f.fields[i].Name] = n
		}
	}
	clear(f.counts)
	f.altered = false
	return taken
}

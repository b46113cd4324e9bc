package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/stagelift/stagelift/shared/table"
)

// lead is room in front of a page's values for its levels, which are mostly so
// small that the values then need not be copied to follow them.
const lead = 16

// column collects the values of one column.
type column struct {
	field    table.Field
	form     form
	optional bool
	// null makes NULL of what does not fit.
	null     bool
	pageSize int
	pages    *pages

	// values are the open page's values behind lead, as PLAIN has them; where
	// there is a dictionary, indices are in their place, and indexed is how many
	// bytes PLAIN would have.
	values     []byte
	indices    []uint32
	indexed    int
	booleans   int
	levels     levels
	dictionary dictionary
	bounds     bounds
	chunk      chunk
	scratch    []byte
}

func (c *column) init(field table.Field, pages *pages, pageSize int, null, repeats bool) error {
	form, known := forms[shape{field.Wire, field.Parquet.Physical, field.Parquet.Logical}]
	if !known {
		return fmt.Errorf("column %q: there is no way from a %s, wire %d, to physical type %d of logical type %d",
			field.Name, field.Type, field.Wire, field.Parquet.Physical, field.Parquet.Logical)
	}
	if form.way == wayBytes && field.Unchecked() {
		form.way = wayUnchecked
	}
	kind := field.Parquet
	if form.decimal && (kind.Precision < 1 || kind.Precision > maxPrecision || kind.Scale < 0 || kind.Scale > kind.Precision || kind.Length != decimalBytes(kind.Precision)) {
		return fmt.Errorf("column %q: no decimal has %d digits, %d behind the point, in %d bytes", field.Name, kind.Precision, kind.Scale, kind.Length)
	}
	*c = column{field: field, form: form, optional: field.Nullable, null: null && field.Nullable, pageSize: pageSize, pages: pages}
	c.dictionary.init(form, repeats, pageSize)
	c.values = make([]byte, lead, 2*lead)
	c.scratch = make([]byte, 16)
	return nil
}

// add takes a value, nil for NULL.
func (c *column) add(raw []byte) error {
	if raw == nil {
		return c.addNull()
	}
	misfit, err := c.value(raw)
	if err != nil {
		return err
	}
	if misfit != "" {
		if c.null {
			return c.addNull()
		}
		return &misfitError{misfit}
	}
	c.levels.present()
	return nil
}

func (c *column) addNull() error {
	if !c.optional {
		return errors.New("NULL in a column that was NOT NULL when the read began")
	}
	c.levels.absent()
	return nil
}

func (c *column) put32(v uint32) error {
	if c.dictionary.open {
		if index, fits := c.dictionary.index32(v); fits {
			return c.putIndex(index, 4)
		}
		if err := c.leaveDictionary(); err != nil {
			return err
		}
	}
	c.values = binary.LittleEndian.AppendUint32(c.values, v)
	return nil
}

func (c *column) put64(v uint64) error {
	if c.dictionary.open {
		if index, fits := c.dictionary.index64(v); fits {
			return c.putIndex(index, 8)
		}
		if err := c.leaveDictionary(); err != nil {
			return err
		}
	}
	c.values = binary.LittleEndian.AppendUint64(c.values, v)
	return nil
}

// put takes a value as PLAIN has it, but for a length before it.
func (c *column) put(b []byte) error {
	if c.dictionary.open {
		if index, fits := c.dictionary.index(b); fits {
			return c.putIndex(index, c.plainSize(b))
		}
		if err := c.leaveDictionary(); err != nil {
			return err
		}
	}
	if c.form.store == storeBytes {
		c.values = binary.LittleEndian.AppendUint32(c.values, uint32(len(b))) //nolint:gosec // a row of COPY has less than 1 GiB
	}
	c.values = append(c.values, b...)
	return nil
}

// plainSize is how many bytes PLAIN has for a value.
func (c *column) plainSize(b []byte) int {
	if c.form.store == storeBytes {
		return 4 + len(b)
	}
	return len(b)
}

func (c *column) putBit(v bool) {
	if c.booleans%8 == 0 {
		c.values = append(c.values, 0)
	}
	if v {
		c.values[len(c.values)-1] |= 1 << (c.booleans % 8)
	}
	c.booleans++
}

// size is how many bytes the open page has.
func (c *column) size() int { return len(c.values) - lead + 4*len(c.indices) + c.levels.size() }

// closePage ends the open page and keeps it, compressed.
func (c *column) closePage() error {
	if c.levels.n == 0 {
		return nil
	}
	if len(c.indices) > 0 && !c.worthwhile() {
		c.unindex()
	}
	kept := page{kind: pageData, encoding: encodingPlain, values: c.levels.n}
	if len(c.indices) > 0 {
		kept.encoding = encodingDictionary
		c.chunk.indexed = true
		width := c.dictionary.width()
		c.values = append(c.values[:lead], byte(width)) //nolint:gosec // at most 16
		c.values = appendIndices(c.values, c.indices, width)
	} else {
		c.chunk.plain = true
	}
	piece, err := c.pages.add(&c.chunk, kept, c.body())
	if err != nil {
		return err
	}
	c.chunk.pages = append(c.chunk.pages, piece)
	c.chunk.values += int64(c.levels.n)
	c.chunk.nulls += int64(c.levels.nulls)
	c.values, c.indices, c.indexed, c.booleans = c.values[:lead], c.indices[:0], 0, 0
	c.levels.reset()
	return nil
}

// body is what is compressed of the open page: levels, then values.
func (c *column) body() []byte {
	if !c.optional {
		return c.values[lead:]
	}
	p := c.pages
	p.levels = c.levels.append(p.levels[:0])
	if start := lead - len(p.levels); start >= 0 {
		copy(c.values[start:], p.levels)
		return c.values[start:]
	}
	p.body = slices.Grow(p.body[:0], len(p.levels)+len(c.values)-lead)
	p.body = append(append(p.body, p.levels...), c.values[lead:]...)
	return p.body
}

// closeChunk ends the column's share in the row group.
func (c *column) closeChunk() error {
	if err := c.closePage(); err != nil || !c.chunk.indexed {
		return err
	}
	var err error
	kept := page{kind: pageDictionary, encoding: encodingDictionary, values: c.dictionary.entries()}
	c.chunk.dictionary, err = c.pages.add(&c.chunk, kept, c.dictionary.values)
	return err
}

// forget makes the column ready for the next row group.
func (c *column) forget(pageSize int) {
	c.chunk = chunk{pages: c.chunk.pages[:0]}
	c.bounds.forget()
	c.dictionary.forget()
	if cap(c.scratch) > 2*pageSize {
		c.scratch = make([]byte, 16)
	}
	if cap(c.values) > 2*pageSize+4*lead {
		c.values = make([]byte, lead, 2*lead)
	}
}

package footer

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/stagelift/stagelift/shared/table"
)

// element is a node of the schema (Parquet format, SchemaElement).
type element struct {
	name string
	// physical is the number of the type, -1 of a group.
	physical int64
	repeated bool
	children int64
	logical  logical
	// converted is what older writers have in place of the logical type, -1 for
	// none; scale and precision are beside it.
	converted        int64
	scale, precision int64
}

// Repetitions (Parquet format, FieldRepetitionType).
const repeated = 2

func (r *reader) schema() []element {
	kind, n := r.list()
	if kind != kindStruct && r.err == nil {
		r.fail("a schema of kind %d", kind)
	}
	if n > 4*MaxColumns {
		r.fail("a schema of %d elements", n)
	}
	var list []element
	for ; n > 0 && r.err == nil; n-- {
		list = append(list, r.element())
	}
	return list
}

func (r *reader) element() element {
	e := element{physical: -1, converted: -1}
	r.structure(1, func(number int, kind byte) bool {
		integer := e.integerOf(number)
		switch {
		case integer != nil && kind == kindI32:
			*integer = r.varint()
		case number == 3 && kind == kindI32:
			e.repeated = r.varint() == repeated
		case number == 4 && kind == kindBinary:
			e.name = r.text()
		case number == 10 && kind == kindStruct:
			e.logical = r.logical()
		default:
			r.skip(kind, 2)
		}
		return true
	})
	return e
}

// integerOf is where the integer of a field goes; nil for any other field.
func (e *element) integerOf(number int) *int64 {
	switch number {
	case 1:
		return &e.physical
	case 5:
		return &e.children
	case 6:
		return &e.converted
	case 7:
		return &e.scale
	case 8:
		return &e.precision
	}
	return nil
}

// logical is a logical type (Parquet format, LogicalType). Its number is that
// of the union's field; 0 is none.
type logical struct {
	number           int
	scale, precision int64
	// unit is that of a time: 1 for milliseconds, 2 micro, 3 nano.
	unit int
	utc  bool
	// bits and signed are those of an integer.
	bits   byte
	signed bool
}

func (r *reader) logical() logical {
	var l logical
	r.structure(2, func(number int, kind byte) bool {
		if l.number != 0 || kind != kindStruct {
			r.fail("a logical type of kind %d", kind)
			return false
		}
		l.number = number
		r.structure(3, func(number int, kind byte) bool {
			r.parameter(&l, number, kind)
			return true
		})
		return true
	})
	return l
}

func (r *reader) parameter(l *logical, number int, kind byte) {
	boolean, value := kind == kindTrue || kind == kindFalse, kind == kindTrue
	switch {
	case l.number == logicalDecimal && number == 1 && kind == kindI32:
		l.scale = r.varint()
	case l.number == logicalDecimal && number == 2 && kind == kindI32:
		l.precision = r.varint()
	case (l.number == logicalTime || l.number == logicalTimestamp) && number == 1 && boolean:
		l.utc = value
	case (l.number == logicalTime || l.number == logicalTimestamp) && number == 2 && kind == kindStruct:
		r.structure(4, func(number int, kind byte) bool {
			l.unit = number
			r.skip(kind, 5)
			return true
		})
	case l.number == logicalInteger && number == 1 && kind == kindByte:
		l.bits = r.byte()
	case l.number == logicalInteger && number == 2 && boolean:
		l.signed = value
	default:
		r.skip(kind, 4)
	}
}

// file gives the columns their types, or says of each that has none why.
func (m metadata) file() (File, error) {
	f := File{Rows: m.rows}
	if len(m.elements) == 0 {
		return File{}, fmt.Errorf("%w: its schema is empty", ErrNotParquet)
	}
	var problems []error
	seen := map[string]bool{}
	for at := 1; at < len(m.elements); {
		e := m.elements[at]
		kind, err := e.column(seen)
		if err != nil {
			problems = append(problems, err)
		}
		f.Columns = append(f.Columns, table.Column{Name: e.name, Type: kind, Nullable: true})
		seen[e.name] = true
		if at = m.next(at); at < 0 {
			return File{}, fmt.Errorf("%w: its schema ends within column %s", ErrNotParquet, table.Quote(e.name))
		}
	}
	switch n := len(f.Columns); {
	case int64(n) != m.elements[0].children:
		return File{}, fmt.Errorf("%w: its schema has %d columns, and says that they are %d", ErrNotParquet, n, m.elements[0].children)
	case n == 0:
		problems = append(problems, errors.New("it has no columns"))
	case n > MaxColumns:
		return File{}, fmt.Errorf("it has %d columns, and %d are the most that are read", n, MaxColumns)
	}
	if len(problems) > shown {
		problems = append(problems[:shown], fmt.Errorf("and %d columns more", len(problems)-shown))
	}
	if err := errors.Join(problems...); err != nil {
		return File{}, err
	}
	return f, nil
}

// shown is how many columns an error names.
const shown = 20

// next is where the column after the one at a place begins; -1 when the schema
// ends before its children do.
func (m metadata) next(at int) int {
	for open := int64(1); open > 0; at++ {
		if at >= len(m.elements) {
			return -1
		}
		if children := m.elements[at].children; children > 0 && children <= int64(len(m.elements)) {
			open += children
		} else if children != 0 {
			return -1
		}
		open--
	}
	return at
}

func (e element) column(seen map[string]bool) (string, error) {
	name := table.Quote(e.name)
	switch {
	case e.name == "" || !utf8.ValidString(e.name):
		return "", fmt.Errorf("column %q: its name is no text; write it with another", e.name)
	case seen[e.name]:
		return "", fmt.Errorf("column %s: it is there twice; write it with another name", name)
	case e.repeated || e.children > 0 || e.physical < 0:
		return "", fmt.Errorf("column %s is nested (a struct, a list or a map); write it as JSON text, or leave it out", name)
	}
	kind, err := e.kind()
	if err != nil {
		return "", fmt.Errorf("column %s %w", name, err)
	}
	return kind, nil
}

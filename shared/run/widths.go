package run

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/stagelift/stagelift/shared/strict"
	"github.com/stagelift/stagelift/shared/table"
)

// Precisions are types of numeric columns: one for all that have no precision, or
// one by column. In JSON it is [38,10] or "38,10", or an object of these by the
// names of columns.
type Precisions struct {
	All     string
	Columns map[string]string
}

// Lengths are lengths of text columns in characters: one for all that have none, or
// one by column. In JSON it is a number, or an object of numbers by the names of
// columns.
type Lengths struct {
	All     int
	Columns map[string]int
}

// UnmarshalJSON reads one precision or some by column.
func (p *Precisions) UnmarshalJSON(raw []byte) error {
	if strict.KindOf(raw) != "object" {
		one, err := precision(raw)
		p.All = one
		return err
	}
	var columns map[string]json.RawMessage
	if err := json.Unmarshal(raw, &columns); err != nil {
		return err
	}
	p.Columns = make(map[string]string, len(columns))
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(columns)) {
		one, err := precision(columns[name])
		if err != nil {
			err = fmt.Errorf("column %s: %w", table.Quote(name), err)
		}
		p.Columns[name], problems = one, append(problems, err)
	}
	return errors.Join(problems...)
}

// precision reads [38,10], [38], "38,10" or "38".
func precision(raw json.RawMessage) (string, error) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text, nil
	}
	var numbers []int
	if err := json.Unmarshal(raw, &numbers); err != nil || len(numbers) == 0 || len(numbers) > 2 {
		return "", errors.New("want precision and scale, as in [38,10]")
	}
	list := make([]string, len(numbers))
	for i, n := range numbers {
		list[i] = strconv.Itoa(n)
	}
	return strings.Join(list, ","), nil
}

// MarshalJSON writes what UnmarshalJSON reads.
func (p Precisions) MarshalJSON() ([]byte, error) {
	if p.All != "" {
		return json.Marshal(p.All)
	}
	return json.Marshal(p.Columns)
}

// UnmarshalJSON reads one length or some by column.
func (l *Lengths) UnmarshalJSON(raw []byte) error {
	if json.Unmarshal(raw, &l.All) == nil {
		return nil
	}
	if err := json.Unmarshal(raw, &l.Columns); err != nil {
		return errors.New("want a number of characters, or an object of such numbers by column")
	}
	return nil
}

// MarshalJSON writes what UnmarshalJSON reads.
func (l Lengths) MarshalJSON() ([]byte, error) {
	if l.Columns == nil {
		return json.Marshal(l.All)
	}
	return json.Marshal(l.Columns)
}

// widths are the types that the columns of a table are given: those of columns by
// name, and those of all that have no precision or length. An override's come
// before the request's, and a column's before those of all.
type widths struct {
	numeric, text       map[string]string // by column
	asked               map[string]bool   // those that the override names: they must be there
	allNumeric, allText string
}

func (q Request) widths(o Override) (widths, error) {
	w := widths{asked: map[string]bool{}}
	numeric := map[string]string{}
	text := map[string]int{}
	if o.Numeric.All == "" { // which goes before the request's columns
		maps.Copy(numeric, q.Numeric.Columns)
	}
	if o.Text.All == 0 {
		maps.Copy(text, q.Text.Columns)
	}
	maps.Copy(numeric, o.Numeric.Columns)
	maps.Copy(text, o.Text.Columns)
	for name := range o.Numeric.Columns {
		w.asked[name] = true
	}
	for name := range o.Text.Columns {
		w.asked[name] = true
	}
	var problems []error
	var err error
	if w.numeric, err = numericTypes(numeric); err != nil {
		problems = append(problems, err)
	}
	if all := cmp.Or(o.Numeric.All, q.Numeric.All); all != "" {
		if w.allNumeric, err = numericType(all); err != nil {
			problems = append(problems, fmt.Errorf("numeric is %q, %w", all, err))
		}
	}
	w.text = make(map[string]string, len(text))
	for _, name := range slices.Sorted(maps.Keys(text)) {
		if w.text[name], err = textType(text[name]); err != nil {
			problems = append(problems, fmt.Errorf("text of column %s is %d, %w", table.Quote(name), text[name], err))
		}
	}
	if all := cmp.Or(o.Text.All, q.Text.All); all != 0 {
		if w.allText, err = textType(all); err != nil {
			problems = append(problems, fmt.Errorf("text is %d, %w", all, err))
		}
	}
	return w, errors.Join(problems...)
}

// numericTypes reads the precisions that columns are given: "38,10" or "38".
func numericTypes(given map[string]string) (map[string]string, error) {
	types := make(map[string]string, len(given))
	var problems []error
	for _, column := range slices.Sorted(maps.Keys(given)) {
		kind, err := numericType(given[column])
		if err != nil {
			problems = append(problems, fmt.Errorf("numeric of column %s is %q, %w", table.Quote(column), given[column], err))
			continue
		}
		types[column] = kind
	}
	return types, errors.Join(problems...)
}

func numericType(given string) (string, error) {
	precision, scale, _ := strings.Cut(given, ",")
	p, malformedP := strconv.Atoi(strings.TrimSpace(precision))
	s, malformedS := strconv.Atoi(strings.TrimSpace(cmp.Or(scale, "0")))
	if malformedP != nil || malformedS != nil || p < 1 || p > 38 || s < 0 || s > min(p, 37) {
		return "", errors.New(`want precision and scale, as in "38,10", at most 38 and 37, which both warehouses hold`)
	}
	return fmt.Sprintf("numeric(%d,%d)", p, s), nil
}

// mostCharacters is the longest that PostgreSQL declares.
const mostCharacters = 10485760

func textType(characters int) (string, error) {
	if characters < 1 || characters > mostCharacters {
		return "", fmt.Errorf("want a number of characters from 1 to %d", mostCharacters)
	}
	return fmt.Sprintf("character varying(%d)", characters), nil
}

// narrow gives columns the precisions and lengths that the request has for them.
func (t *task) narrow() error {
	var problems []error
	for name := range t.widths.asked {
		if t.position(name) < 0 {
			field := "numeric"
			if t.widths.text[name] != "" {
				field = "text"
			}
			problems = append(problems, fmt.Errorf("%s names column %s, which is not read", field, table.Quote(name)))
		}
	}
	for i := range t.columns {
		c := &t.columns[i]
		numeric := c.Type == "numeric" || strings.HasPrefix(c.Type, "numeric(")
		text := c.Type == "text" || strings.HasPrefix(c.Type, "character varying")
		kind := ""
		switch named, length := t.widths.numeric[c.Name], t.widths.text[c.Name]; {
		case named != "" && numeric:
			kind = named
		case length != "" && text:
			kind = length
		case named != "" && t.widths.asked[c.Name]:
			problems = append(problems, fmt.Errorf("numeric names column %s, which is of type %s", table.Quote(c.Name), c.Type))
		case length != "" && t.widths.asked[c.Name]:
			problems = append(problems, fmt.Errorf("text names column %s, which is of type %s", table.Quote(c.Name), c.Type))
		case c.Type == "numeric":
			kind = t.widths.allNumeric
		case c.Type == "text" || c.Type == "character varying":
			kind = t.widths.allText
		}
		if kind != "" {
			c.Source, c.Type = c.Type, kind
		}
	}
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(problems...)
}

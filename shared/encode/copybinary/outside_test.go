package copybinary_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/encode/copybinary"
	"github.com/stagelift/stagelift/shared/table"
)

func TestKeyNamesARow(t *testing.T) {
	t.Parallel()
	field := func(name string, wire table.Wire) table.Field {
		return table.Field{Column: table.Column{Name: name}, Image: table.Image{Wire: wire}}
	}
	fields := []table.Field{field("id", table.WireInt32), field("note", table.WireText), field("day", table.WireDate)}
	for name, c := range map[string]struct {
		note      []byte
		positions []int
		want      string
	}{
		"one column":            {nil, []int{0}, "id=5"},
		"in the key's order":    {nil, []int{2, 0}, "day=2000-01-02, id=5"},
		"text":                  {[]byte("größe 2"), []int{1, 0}, "note=größe 2, id=5"},
		"NULL":                  {nil, []int{1}, "note=NULL"},
		"text that reads NULL":  {[]byte("NULL"), []int{1}, `note="NULL"`},
		"empty text":            {[]byte{}, []int{1}, `note=""`},
		"text with a comma":     {[]byte("a, id=6"), []int{1, 0}, `note="a, id=6", id=5`},
		"text that ends a line": {[]byte("a\nb"), []int{1}, `note="a\nb"`},
		"text that is not UTF8": {[]byte("a\xff"), []int{1}, `note="a\xff"`},
		"no key":                {nil, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			values := [][]byte{{0, 0, 0, 5}, c.note, {0, 0, 0, 1}}
			if diff := cmp.Diff(c.want, copybinary.Key(fields, values, c.positions)); diff != "" {
				t.Errorf("key (-want +got):\n%s", diff)
			}
		})
	}
}

func TestKeyOfAValueThatCannotBeReadIsAQuestionMark(t *testing.T) {
	t.Parallel()
	fields := []table.Field{{Column: table.Column{Name: "id"}, Image: table.Image{Wire: table.WireInt32}}}
	if got := copybinary.Key(fields, [][]byte{{1}}, []int{0}); got != "id=?" {
		t.Errorf("got %q, want id=?", got)
	}
}

func TestRangeErrorTellsColumnValueAndKey(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]*copybinary.RangeError{
		`column "day" holds infinity in the row id=5, which the format cannot`: {Column: "day", Value: "infinity", Key: "id=5"},
		`column "day" holds infinity, which the format cannot`:                 {Column: "day", Value: "infinity"},
	} {
		if got := err.Error(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

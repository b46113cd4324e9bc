package table_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/table"
)

func TestTypeIsTakenApart(t *testing.T) {
	t.Parallel()
	for spelling, want := range map[string]table.Type{
		"integer":                        {Name: "integer"},
		"numeric":                        {Name: "numeric"},
		"numeric(12,2)":                  {Name: "numeric", Modifiers: []int{12, 2}},
		"numeric(5,-2)":                  {Name: "numeric", Modifiers: []int{5, -2}},
		"character varying(40)":          {Name: "character varying", Modifiers: []int{40}},
		"timestamp(3) without time zone": {Name: "timestamp without time zone", Modifiers: []int{3}},
		"time with time zone":            {Name: "time with time zone"},
		"text[]":                         {Name: "text", Array: true},
		"numeric(4,1)[]":                 {Name: "numeric", Modifiers: []int{4, 1}, Array: true},
		`"char"`:                         {Name: `"char"`},
		"public.mood":                    {Name: "public.mood"},
		"interval day to second(3)":      {Name: "interval day to second", Modifiers: []int{3}},
	} {
		got, err := table.ParseType(spelling)
		if err != nil {
			t.Errorf("ParseType(%q): %v", spelling, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("ParseType(%q) (-want +got):\n%s", spelling, diff)
		}
	}
}

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

func TestImageInRedshift(t *testing.T) {
	t.Parallel()
	for spelling, want := range map[string]string{
		"smallint":                 "SMALLINT",
		"bigint":                   "BIGINT",
		"oid":                      "BIGINT",
		"numeric(12,2)":            "DECIMAL(12,2)",
		"numeric(38,37)":           "DECIMAL(38,37)",
		"numeric(39,0)":            "VARCHAR(65535)",
		"numeric(2,5)":             "VARCHAR(65535)",
		"numeric(5,-2)":            "VARCHAR(65535)",
		"numeric":                  "VARCHAR(65535)",
		"character varying(40)":    "VARCHAR(160)",
		"character varying(16384)": "VARCHAR(65535)",
		"character varying":        "VARCHAR(65535)",
		"character(3)":             "VARCHAR(12)",
		"text":                     "VARCHAR(65535)",
		"jsonb":                    "SUPER",
		"bytea":                    "VARBYTE(16777216)",
		"integer[]":                "VARCHAR(65535)",
		"public.mood":              "VARCHAR(65535)",
		"timestamp with time zone": "TIMESTAMPTZ",
	} {
		image, err := table.ImageOf(table.Column{Name: "c", Type: spelling})
		if err != nil {
			t.Errorf("%s: %v", spelling, err)
		}
		if image.Redshift != want {
			t.Errorf("%s becomes %s, want %s", spelling, image.Redshift, want)
		}
	}
}

package load

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/object"
)

const someRoutes = `{"version":1,"routes":[
	{"prefix":"landing/","target":{"schema":"raw","name":"events"},"format":{"name":"csv","header":true},"columns":[{"name":"id","type":"bigint"}],"max_files":3},
	{"prefix":"landing/sales/","target":{"schema":"raw","name":"sales"},"format":{"name":"csv","null":""},"columns":[{"name":"n","type":"integer"}],"mode":"merge","keys":["n"]},
	{"prefix":"lines/known/","target":{"schema":"raw","name":"known"},"format":{"name":"jsonl"}},
	{"prefix":"lines/","target":{"schema":"raw","name":"unknown"},"format":{"name":"jsonl"}},
	{"prefix":"lake/","target":{"schema":"raw","name":"lake"},"format":{"name":"parquet"}},
	{"prefix":"told/","manifest":true,"target":{"schema":"raw","name":"told"},"format":{"name":"csv","header":true,"null":""}},
	{"prefix":"columnar/","manifest":true,"target":{"schema":"raw","name":"columnar"},"format":{"name":"parquet"}},
	{"prefix":"unload/","manifest":true,"target":{"schema":"raw","name":"u"},"format":{"name":"parquet"},"columns":[{"name":"n","type":"integer"}]}
]}`

func TestRoutesThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"no document":      {``, "reading the routes"},
		"another version":  {`{"version":2,"routes":[]}`, "version is 2, want 1"},
		"an unknown field": {`{"version":1,"routes":[{"prefx":"a"}]}`, `no field "prefx"`},
		"nothing in it":    {`{"version":1,"routes":[{}]}`, "prefix is missing"},
		"no columns":       {`{"version":1,"routes":[{"prefix":"a/","target":{"schema":"s","name":"t"},"format":{"name":"csv"}}]}`, "columns are missing: CSV without a header does not tell them"},
		"no warehouse":     {`{"version":1,"routes":[{"prefix":"a/","target":{"schema":"s","name":"t"},"format":{"name":"parquet"},"warehouses":["bigquery"]}]}`, `warehouse is "bigquery", want redshift or snowflake`},
		"two of a kind":    {`{"version":1,"routes":[{"prefix":"a/","target":{"schema":"s","name":"t"},"format":{"name":"parquet"},"warehouses":["redshift"]},{"prefix":"a/","target":{"schema":"s","name":"u"},"format":{"name":"parquet"}}]}`, `routes 0 and 1 are both of "a/" and one warehouse`},
		"a bad type":       {`{"version":1,"routes":[{"prefix":"a/","target":{"schema":"s","name":"t"},"format":{"name":"jsonl"},"columns":[{"name":"a","type":""}]}]}`, `column "a"`},
		"merge, no keys":   {`{"version":1,"routes":[{"prefix":"a/","target":{"schema":"s","name":"t"},"format":{"name":"csv","header":true},"mode":"merge"}]}`, "needs keys"},
		"a compression":    {`{"version":1,"routes":[{"prefix":"a/","target":{"schema":"s","name":"t"},"format":{"name":"jsonl","compression":"lz4"}}]}`, `compression is "lz4", want one of none, gzip, zstd, bzip2, snappy`},
		"a delimiter":      {`{"version":1,"routes":[{"prefix":"a/","target":{"schema":"s","name":"t"},"format":{"name":"csv","header":true,"delimiter":"||"}}]}`, `delimiter is "||"`},
		"below nothing":    {`{"version":1,"routes":[{"prefix":"a/","target":{"schema":"s","name":"t"},"format":{"name":"jsonl"},"max_files":-1}]}`, "max_files is -1"},
		"no name":          {`{"version":1,"routes":[{"prefix":"a/","target":{"schema":"s","name":"t"},"format":{"name":"jsonl"},"columns":[{"type":"text"}]}]}`, "a name of columns"},
		"no key":           {`{"version":1,"routes":[{"prefix":"a/","target":{"schema":"s","name":"t"},"format":{"name":"jsonl"},"mode":"merge","keys":[""]}]}`, "a name of columns, keys"},
		"few bad rows":     {`{"version":1,"routes":[{"prefix":"a/","target":{"schema":"s","name":"t"},"format":{"name":"csv","header":true},"bad_rows":{"most":-1}}]}`, "bad_rows.most is -1"},
		"no option":        {`{"version":1,"routes":[{"prefix":"a/","target":{"schema":"s","name":"t"},"format":{"name":"csv","header":true},"copy":{"":"1"}}]}`, "an option of copy has no name"},
		"another mode":     {`{"version":1,"routes":[{"prefix":"a/","target":{"schema":"s","name":"t"},"format":{"name":"csv","header":true},"mode":"upsert"}]}`, `mode is "upsert"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := DecodeRoutes([]byte(c.text))
			wantError(t, err, c.want)
		})
	}
}

// A route may be for one warehouse, and another one for the same objects into the
// other.
func TestRoutesOfOneWarehouse(t *testing.T) {
	t.Parallel()
	routes, err := DecodeRoutes([]byte(`{"version":1,"routes":[
		{"prefix":"a/","target":{"schema":"s","name":"both"},"format":{"name":"parquet"}},
		{"prefix":"a/b/","target":{"schema":"s","name":"one"},"format":{"name":"parquet"},"warehouses":["redshift"]},
		{"prefix":"a/c/","target":{"schema":"s","name":"one"},"format":{"name":"parquet"},"warehouses":["redshift"]},
		{"prefix":"a/c/","target":{"schema":"s","name":"other"},"format":{"name":"parquet"},"warehouses":["snowflake"]},
		{"prefix":"d/","target":{"schema":"s","name":"one"},"format":{"name":"parquet"},"warehouses":["redshift"]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ key, warehouse, want string }{
		{"a/x", "redshift", "both"},
		{"a/x", "snowflake", "both"},
		{"a/b/x", "redshift", "one"},
		{"a/b/x", "snowflake", "both"},
		{"a/c/x", "redshift", "one"},
		{"a/c/x", "snowflake", "other"},
		{"d/x", "redshift", "one"},
		{"d/x", "snowflake", "left alone"},
		{"e/x", "snowflake", "no route"},
	} {
		got := "left alone"
		route, ours, err := routes.find(object.Location{Bucket: "b", Key: c.key}, "b", c.warehouse)
		switch {
		case errors.Is(err, errNoRoute):
			got = "no route"
		case err != nil:
			t.Error(err)
		case ours:
			got = route.Target.Table
		}
		if got != c.want {
			t.Errorf("%s into %s: %s, want %s", c.key, c.warehouse, got, c.want)
		}
	}
}

// The schema that is published names the fields that are decoded, and no other.
func TestSchemaIsTheDecoders(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../docs/routes.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	type node struct {
		Properties map[string]*node `json:"properties"`
		Required   []string         `json:"required"`
		Items      *node            `json:"items"`
	}
	var schema struct {
		node
		Defs map[string]*node `json:"$defs"`
	}
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	route := schema.Defs["route"]
	for name, c := range map[string]struct {
		node *node
		of   reflect.Type
	}{
		"routes": {&schema.node, reflect.TypeFor[Routes]()}, "route": {route, reflect.TypeFor[Route]()},
		"format":   {route.Properties["format"], reflect.TypeFor[RouteFormat]()},
		"columns":  {route.Properties["columns"].Items, reflect.TypeFor[RouteColumn]()},
		"bad_rows": {route.Properties["bad_rows"], reflect.TypeFor[BadRows]()},
	} {
		var have, want, need []string
		for property := range c.node.Properties {
			have = append(have, property)
		}
		for field := range c.of.Fields() {
			tag, options, _ := strings.Cut(field.Tag.Get("json"), ",")
			want = append(want, tag)
			if options == "" {
				need = append(need, tag)
			}
		}
		slices.Sort(have)
		slices.Sort(want)
		if diff := cmp.Diff(want, have); diff != "" {
			t.Errorf("%s (-decoder +schema):\n%s", name, diff)
		}
		if diff := cmp.Diff(need, c.node.Required); diff != "" {
			t.Errorf("%s, required (-decoder +schema):\n%s", name, diff)
		}
	}
}

// FuzzRoutes: what is taken has a route for each of its prefixes.
func FuzzRoutes(f *testing.F) {
	f.Add([]byte(someRoutes))
	f.Fuzz(func(t *testing.T, data []byte) {
		routes, err := DecodeRoutes(data)
		if err != nil {
			return
		}
		for _, r := range routes.Routes {
			if r.Prefix == "" || r.Target.Table == "" {
				t.Errorf("%q gave %+v", data, r)
			}
			if columns := r.columns([]string{"x"}); len(columns) != 1 {
				t.Errorf("%q gave columns %+v", data, columns)
			}
		}
	})
}

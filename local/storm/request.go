package storm

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/stagelift/stagelift/local/storm/referee"
)

// treatment is what a request says of one table.
type treatment struct {
	Format, Compression string
	// Filter is a key of filters.
	Filter string
	// Only and Except choose columns.
	Only, Except []string
}

// filter leaves rows out.
type filter struct {
	sql string
	// keep is the same in Go; nil keeps all.
	keep func(referee.Doc) bool
}

func number(d referee.Doc, column string) int64 {
	n, _ := strconv.ParseInt(d[column], 10, 64) // a row without one is kept by no filter
	return n
}

var filters = map[string]filter{
	"":                {},
	"a little slowly": {sql: "pg_sleep(0.00002) IS NOT NULL"},
	"slowly":          {sql: "pg_sleep(0.001) IS NOT NULL"},
	"slower":          {sql: "pg_sleep(0.004) IS NOT NULL"},
	"a third":         {sql: "id % 3 = 0", keep: func(d referee.Doc) bool { return number(d, "id")%3 == 0 }},
	"the first":       {sql: "k < 15", keep: func(d referee.Doc) bool { return number(d, "k") < 15 }},
	"with notes":      {sql: "note LIKE '%t%'", keep: func(d referee.Doc) bool { return strings.Contains(d["note"], "t") }},
}

// keep returns which rows of the table are wanted.
func (t treatment) keep() func(referee.Doc) bool { return filters[t.Filter].keep }

// chooses returns which columns are wanted; nil is all.
func (t treatment) chooses() func(string) bool {
	if len(t.Only) == 0 && len(t.Except) == 0 {
		return nil
	}
	return func(column string) bool {
		return !slices.Contains(t.Except, column) && (len(t.Only) == 0 || slices.Contains(t.Only, column))
	}
}

type object = map[string]any

// override is what the request says of the table, nil for nothing.
func (t table) override() object {
	o := object{}
	if t.Treatment.Format != "" {
		o["format"] = t.Treatment.Format
	}
	if t.Treatment.Compression != "" {
		o["compression"] = t.Treatment.Compression
	}
	if f := filters[t.Treatment.Filter]; f.sql != "" {
		o["where"] = f.sql
	}
	if len(t.Treatment.Only) > 0 {
		o["columns"] = t.Treatment.Only
	}
	if len(t.Treatment.Except) > 0 {
		o["exclude_columns"] = t.Treatment.Except
	}
	if t.Cursor == "" && o["where"] != nil {
		o["load"] = object{"mode": "replace"}
	}
	if t.Cursor != "" {
		cursor := object{"column": t.Cursor}
		if t.Lookback != "" {
			cursor["lookback"] = t.Lookback
		}
		o["cursor"] = cursor
		o["load"] = object{"mode": "append"}
		if t.Merge {
			o["load"] = object{"mode": "merge"}
			if t.partitioned() {
				o["primary_key"] = []string{"id"}
			}
		}
	}
	if len(o) == 0 {
		return nil
	}
	return o
}

// request asks for tables.
func (c call) request(s script, modern bool) object {
	r := object{"tables": c.Tables}
	if c.Streams > 0 {
		r["streams"] = c.Streams
	}
	if c.PartBytes > 0 {
		r["part_bytes"] = c.PartBytes
	}
	overrides := object{}
	for _, t := range s.Tables {
		if o := t.override(); o != nil && c.asks(t.qualified(s.Schema), s.Schema) {
			overrides[t.qualified(s.Schema)] = o
		}
	}
	if len(overrides) > 0 {
		r["overrides"] = overrides
	}
	if s.Kind != full {
		r["mode"] = "incremental"
	}
	if modern {
		maps.Copy(r, c.Modern)
	}
	return r
}

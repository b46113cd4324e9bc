package storm

import "slices"

// onPlain, onAny and so on are the changes that a table of that sort can see.
var (
	replacing = []string{"swap", "recreate", "reload", "swap", "recreate", "reload", "exchange names"}
	altering  = []string{
		"rename", "rename column", "exchange columns", "add column", "add and rewrite", "drop column", "alter type",
		"alter and rewrite",
	}
	tending = []string{"vacuum full", "vacuum", "cluster", "index", "index concurrently"}
	parting = []string{"attach", "attach new"}
	schemes = []string{"rename schema", "exchange schema"}
)

// drawFull draws a round of full runs.
func (s *script) drawFull(d dice) {
	s.Kind = full
	s.drawFullTables(d)
	for i := range s.Tables {
		t := &s.Tables[i]
		t.Treatment = d.treat()
		if !t.Account {
			d.narrow(&t.Treatment)
		}
	}
	s.drawFullWriters(d)
	s.Calls = []call{s.ask(d, d.between(60, 250))}
	s.Lasts = d.between(300, 600)
	switch n := d.IntN(100); {
	case n < 36:
		s.themeStart(d)
	case n < 60:
		s.themeMiddle(d)
	case n < 74:
		s.themeFaults(d)
	case n < 82:
		s.themeDeadline(d)
	default:
		s.themeAnything(d)
	}
}

func (s *script) drawFullTables(d dice) {
	rows := func() int { return 80 + 40*d.IntN(12) }
	account := func(name string, shape shape) table {
		return table{Name: name, Shape: shape, Rows: rows(), Account: true, Waiting: shape != plain}
	}
	s.Tables = []table{account("a", plain), account("b", plain)}
	if d.IntN(10) < 7 {
		s.Tables = append(s.Tables, account("p", pick(d, []shape{ranges, lists, open})))
	}
	extra := []table{
		{Name: "wide", Shape: wide, Rows: 40},
		{Name: "parent", Shape: inherited, Rows: rows()},
		{Name: "parts", Shape: pick(d, []shape{ranges, lists, open, open}), Rows: rows(), Waiting: true},
		{Name: "c", Shape: plain, Rows: rows()},
		{Name: "serial", Shape: sequence, Rows: rows()},
		{Name: "stamped", Shape: plain, Rows: rows(), Stamp: "clock_timestamp()", ByTrigger: true},
	}
	if d.one(10) {
		extra = append(extra, table{Name: "big", Shape: big, Rows: 9000})
	}
	s.Tables = append(s.Tables, some(d, extra, 1+d.IntN(4))...)
	// Views come after what they are over.
	over := pick(d, s.names(nil))
	views := []table{
		{Name: "v", Shape: view, Over: []string{over}},
		{Name: "u", Shape: union, Over: []string{"a", "b"}},
		{Name: "mv", Shape: matview, Over: []string{pick(d, s.names(func(t table) bool { return t.Shape != big }))}},
	}
	views = some(d, views, d.IntN(3))
	s.Tables = append(s.Tables, views...)
	if slices.ContainsFunc(views, func(t table) bool { return t.Name == "v" }) && d.one(2) {
		s.Tables = append(s.Tables, table{Name: "vv", Shape: view, Over: []string{"v"}})
	}
}

func (s *script) drawFullWriters(d dice) {
	accounts := s.names(func(t table) bool { return t.Account })
	all := s.names(table.writable)
	s.Writers = []writer{
		{Acts: []string{"transfer"}, Tables: accounts, Pause: d.between(5, 80), Pace: d.between(2, 15)},
		{Acts: []string{"transfer"}, Tables: accounts, Pause: d.between(5, 200), Pace: d.between(2, 15)},
		{
			Acts:   []string{"write", "write", "copy", "late", "savepoint", "message", "do", "call", "prepared", "late write"},
			Tables: all, Pause: d.between(10, 200), Pace: d.between(2, 20),
		},
	}
}

// viewed are the tables that views are made of: some changes of them would be
// changes of the views.
func (s *script) viewed() []string {
	var names []string
	for _, t := range s.Tables {
		names = append(names, t.Over...)
	}
	return names
}

// changeable returns the changes that a table can see, most likely ones more
// than once.
func (s *script) changeable(t table) []string {
	viewed := slices.Contains(s.viewed(), t.Name)
	switch {
	case t.Shape == matview:
		return []string{"refresh", "refresh concurrently", "refresh"}
	case !t.writable():
		return nil
	case t.partitioned():
		kinds := slices.Concat(parting, parting, []string{"reload", "rename", "vacuum full"})
		switch { // an account that is detached would change the sum
		case t.Account:
		case t.Shape == open:
			kinds = append(kinds, "detach", "detach concurrently", "detach concurrently", "detach cancelled", "detach cancelled", "detach cancelled", "detach cancelled")
		default:
			kinds = append(kinds, "detach", "detach")
		}
		if !viewed {
			kinds = append(kinds, "recreate", "add column", "drop column", "rename column", "exchange columns")
		}
		return kinds
	case t.Shape == inherited:
		return []string{"reload", "rename", "vacuum full", "add column"}
	case viewed:
		return []string{"reload", "reload", "swap", "rename", "vacuum full", "cluster", "index", "exchange names"}
	}
	return slices.Concat(replacing, altering, tending)
}

// change draws a change of one of the tables.
func (s *script) change(d dice) change {
	if d.one(20) {
		return change{Kind: pick(d, schemes), Table: "c"}.of(s, d)
	}
	parts := s.names(func(t table) bool { return t.partitioned() && !t.Account })
	for {
		t := pick(d, s.Tables)
		if len(parts) > 0 && d.one(4) {
			t = s.table(parts[0])
		}
		if kinds := s.changeable(t); len(kinds) > 0 {
			return change{Kind: pick(d, kinds), Table: t.Name}.of(s, d)
		}
	}
}

// replacement draws a change after which a table of the call has other rows, or
// is another table.
func (s *script) replacement(d dice) change {
	asked := s.names(func(t table) bool { return t.writable() && s.Calls[0].asks(t.qualified(s.Schema), s.Schema) })
	if len(asked) == 0 {
		return s.change(d)
	}
	t := s.table(pick(d, asked))
	kinds := []string{"reload"}
	if !slices.Contains(s.viewed(), t.Name) && t.Shape != inherited {
		kinds = append(kinds, "recreate", "recreate")
	}
	if !t.partitioned() && t.Shape != inherited {
		kinds = append(kinds, "swap", "swap", "exchange names")
	}
	return change{Kind: pick(d, kinds), Table: t.Name}.of(s, d)
}

// of fills in what is missing: another table of the same columns.
func (c change) of(s *script, d dice) change {
	switch c.Kind {
	case "exchange schema":
		c.Table = pick(d, s.names(func(t table) bool { return t.Shape == plain }))
	case "rename schema":
		c.Table = s.Tables[0].Name
	case "exchange names":
		t := s.table(c.Table)
		others := s.names(func(o table) bool {
			return o.Name != t.Name && o.Shape == plain && o.Account == t.Account && o.ByTrigger == t.ByTrigger
		})
		if len(others) == 0 {
			c.Kind = "reload"
			return c
		}
		c.With = pick(d, others)
	}
	return c
}

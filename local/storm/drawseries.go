package storm

import (
	"slices"
	"time"
)

// drawNumbers draws a round of incremental runs by numbers that sequences give.
func (s *script) drawNumbers(d dice) {
	s.Kind, s.Theme = numbers, "series"
	pool := []table{
		{Name: "serial", Shape: sequence, Cursor: "id"},
		{Name: "identity", Shape: identity, Cursor: "id"},
		{Name: "versions", Shape: plain, Cursor: "ver", Merge: true},
		{Name: "moved", Shape: lists, Cursor: "ver", Merge: true},
		{Name: "parts", Shape: sequenced, Cursor: "id", Waiting: true},
		{Name: "other", Shape: sequence, Cursor: "id"},
	}
	s.Tables = some(d, pool, 2+d.IntN(2))
	if d.one(3) {
		s.Tables = append(s.Tables, pick(d, []table{
			{Name: "cached", Shape: cached, Cursor: "id"}, {Name: "sneaky", Shape: sneaky, Cursor: "id"}, {Name: "epoch", Shape: epoch, Cursor: "ver"},
		}))
	}
	for i := range s.Tables {
		s.Tables[i].Rows = 40 + d.IntN(200)
		s.Tables[i].Treatment = d.treat()
		if s.Tables[i].Merge && d.one(4) {
			s.Tables[i].Lookback = "50"
		}
	}
	acts := []string{"write", "copy", "late", "savepoint", "message", "do", "call", "late write"}
	if d.one(3) {
		acts = append(acts, "prepared")
	}
	all := s.names(nil)
	for range 3 {
		s.Writers = append(s.Writers, writer{Acts: acts, Tables: all, Pause: d.between(10, 400), Pace: d.between(5, 30)})
	}
	for i := range 4 {
		s.Calls = append(s.Calls, s.askSome(d, time.Duration(100+350*i)*time.Millisecond))
	}
	s.Lasts = 1200 * time.Millisecond
	s.disturb(d)
}

// askSome draws a call for all tables, or for one: a refusal of one may be one
// of all.
func (s *script) askSome(d dice, at time.Duration) call {
	c := s.ask(d, at)
	if d.one(2) {
		c.Tables = []string{pick(d, c.Tables)}
	}
	c.Twice = d.one(8)
	if d.one(10) {
		c.Modern["restart"] = []string{pick(d, c.Tables)}
	}
	return c
}

// disturb has tables change, the function die and S3 fail between windows.
func (s *script) disturb(d dice) {
	first, last := s.Calls[0].At, s.Calls[len(s.Calls)-1].At
	span := int((last - first).Milliseconds()) + 300
	if d.one(2) {
		t := pick(d, s.Tables)
		if kinds := changesOf(t); len(kinds) > 0 {
			c := change{Kind: pick(d, kinds), Table: t.Name, At: first + d.between(0, span), Hold: d.between(50, 400)}
			s.Changes = append(s.Changes, c)
		}
	}
	if d.one(3) {
		for range 2 {
			s.Kills = append(s.Kills, kill{At: first + d.between(0, span), What: "function"})
		}
	}
	if d.one(4) {
		s.Kills = append(s.Kills, kill{At: first + d.between(0, span), What: pick(d, []string{"the idle", "the busy", "all"})})
	}
	if d.one(3) {
		s.Faults = append(s.Faults, d.death("/_state/", "/receipt.json"))
	}
	if d.one(4) {
		s.Faults = append(s.Faults, fault{
			Kind:  pick(d, []string{"refuses", "loses its answer", "cuts", "did and refuses", "is slow"}),
			On:    pick(d, []string{"/receipt.json", ".json", "", "/part-", "/_state/"}),
			Every: pick(d, []int{1, 2, 3}), Times: pick(d, []int{1, 2, 13}),
		})
	}
}

// changesOf are those that keep to the rules of a cursor: rows that are there
// stay as they are.
func changesOf(t table) []string {
	switch t.Shape {
	case sequence:
		return []string{"swap", "swap", "recreate", "begin anew", "vacuum full", "rename"}
	case identity:
		return []string{"begin anew", "vacuum full", "rename"}
	case sequenced:
		return []string{"attach", "attach new", "detach", "vacuum full"}
	case matview:
		return []string{"refresh", "refresh concurrently"}
	case plain, local:
		return []string{"swap", "recreate", "rename", "vacuum full", "add column", "drop column"}
	case ranges, lists:
		return []string{"attach", "attach new", "detach"}
	}
	return nil
}

// stamps are the ways in which the database stamps.
var stamps = []string{"now()", "transaction_timestamp()", "statement_timestamp()", "clock_timestamp()", "CURRENT_TIMESTAMP"}

// drawTimes draws a round of incremental runs by times. It lasts as long as
// the margin that a bound keeps, and more, with one sort of writer that takes as
// long.
func (s *script) drawTimes(d dice) {
	s.Kind, s.Theme = times, "series"
	long := pick(d, []string{"late", "late write", "call", "call", "do", "do", "late reader", "late reader", "late reader", "prepared"})
	stamp := func() string {
		if (long == "call" || long == "do") && d.one(2) {
			return "statement_timestamp()" // of all, the one that a block sets but once
		}
		return pick(d, stamps)
	}
	pool := []table{
		{Name: "events", Shape: plain, Stamp: stamp()},
		{Name: "serial", Shape: sequence, Stamp: stamp()},
		{Name: "rows", Shape: plain, Stamp: stamp(), ByTrigger: true, Merge: true},
		{Name: "stamped", Shape: plain, Stamp: stamp(), Merge: true},
		{Name: "parts", Shape: pick(d, []shape{ranges, lists}), Stamp: stamp(), Waiting: true},
		{Name: "local", Shape: local, Stamp: "(" + stamp() + " AT TIME ZONE 'UTC')"},
	}
	s.Tables = some(d, pool, 2+d.IntN(3))
	if d.one(6) {
		over := s.Tables[0].Name
		s.Tables = append(s.Tables, table{Name: "mv", Shape: matview, Over: []string{over}}, table{Name: "v", Shape: view, Over: []string{"mv"}})
	}
	for i := range s.Tables {
		t := &s.Tables[i]
		t.Rows, t.Treatment = 40+d.IntN(200), d.treat()
		if t.Shape != matview {
			t.Cursor = "at"
		}
		if t.Merge && d.one(4) {
			t.Lookback = "2 seconds"
		}
	}
	written := s.names(table.writable)
	for range 2 {
		s.Writers = append(s.Writers, writer{
			Acts:   []string{"write", "copy", "late", "savepoint", "message", "late write"},
			Tables: written, Pause: d.between(10, 300), Pace: d.between(30, 120),
		})
	}
	for range 1 + d.IntN(2) {
		s.Writers = append(s.Writers, writer{Acts: []string{long}, Tables: written, Pause: d.between(6200, 8000), Pace: time.Second})
	}
	if d.one(8) {
		s.Writers = append(s.Writers, writer{Acts: []string{"for ever"}, Tables: written[:1], Pace: 5 * time.Second})
	}
	for _, at := range []int{300, 5800, 6600, 7400} {
		s.Calls = append(s.Calls, s.askSome(d, time.Duration(at)*time.Millisecond))
	}
	s.Lasts = 9 * time.Second
	if slices.ContainsFunc(s.Tables, func(t table) bool { return t.Shape == matview }) {
		s.Changes = append(s.Changes, change{Kind: "refresh", Table: "mv", At: d.between(6000, 7200)})
	}
	s.disturb(d)
}

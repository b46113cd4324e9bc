package storm

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// kind is what a round is about.
type kind string

// The kinds of rounds.
const (
	full    kind = "full"
	numbers kind = "numbers" // incremental, by numbers
	times   kind = "times"   // incremental, by times
)

// script is all that a seed decides about a round.
type script struct {
	Seed   uint64
	Round  int
	Kind   kind
	Theme  string
	Schema string
	// Lasts is how long writers go on at least.
	Lasts   time.Duration
	Tables  []table
	Writers []writer
	Changes []change
	Kills   []kill
	Faults  []fault
	Calls   []call
}

func (s script) table(name string) table {
	i := slices.IndexFunc(s.Tables, func(t table) bool { return t.Name == name })
	return s.Tables[i]
}

// setup makes schema and tables.
func (s script) setup() []string {
	list := []string{"CREATE SCHEMA " + s.Schema}
	for _, t := range s.Tables {
		list = append(list, t.create(s.Schema)...)
	}
	return append(list, "SELECT truth.name_all()")
}

// draw decides a round.
func draw(seed uint64, round int) script {
	d := newDice(seed, uint64(round))
	s := script{Seed: seed, Round: round, Schema: fmt.Sprintf("storm%d", round)}
	switch n := d.IntN(20); {
	case n < 13:
		s.drawFull(d)
	case n < 17:
		s.drawNumbers(d)
	default:
		s.drawTimes(d)
	}
	for i := range s.Writers {
		s.Writers[i].Stream = uint64(round)<<8 + uint64(i) + 1
	}
	slices.SortStableFunc(s.Changes, func(a, b change) int { return int(a.At - b.At) })
	return s
}

// between draws a duration in milliseconds.
func (d dice) between(from, to int) time.Duration {
	return time.Duration(from+d.IntN(to-from)) * time.Millisecond
}

// some draws n of a list.
func some[T any](d dice, list []T, n int) []T {
	list = slices.Clone(list)
	d.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list[:min(n, len(list))]
}

// treat draws how a table is read.
func (d dice) treat() treatment {
	var t treatment
	switch d.IntN(10) {
	case 0:
		t.Format = "jsonl"
	case 1:
		t.Format = "parquet"
	}
	if t.Format != "parquet" && d.one(7) {
		t.Compression = pick(d, []string{"gzip", "zstd"})
	}
	return t
}

// narrow draws which rows and columns are left out.
func (d dice) narrow(t *treatment) {
	if d.one(6) {
		t.Filter = pick(d, []string{"a third", "the first", "with notes"})
	}
	switch d.IntN(12) {
	case 0:
		t.Except = []string{"amount"}
	case 1:
		t.Only = []string{"id", "k", "ver", "note", "at"}
	}
}

// names are those of tables that are writable, or all.
func (s script) names(that func(table) bool) []string {
	var names []string
	for _, t := range s.Tables {
		if that == nil || that(t) {
			names = append(names, t.Name)
		}
	}
	return names
}

// ask draws a call for all tables of the round.
func (s script) ask(d dice, at time.Duration) call {
	c := call{At: at, Function: normal, Streams: pick(d, []int{0, 1, 2, 4}), PartBytes: pick(d, []int64{0, 5000, 60_000, 400_000})}
	wild := s.Kind == full && d.one(3)
	if wild {
		c.Tables = []string{s.Schema + ".*"}
	}
	asked := s.Tables
	if s.Kind == full && d.one(3) {
		asked = some(d, asked, 1+d.IntN(len(asked)))
	}
	for _, t := range asked {
		readable := s.Kind == full || t.Shape != matview // which has no cursor that could be trusted
		if readable && (!wild || !t.writable()) {
			c.Tables = append(c.Tables, t.qualified(s.Schema))
		}
	}
	c.Modern = object{"on_failure": pick(d, []string{"continue", "continue", "stop"})}
	if d.one(2) {
		c.Modern["inherited"] = "only"
	}
	if d.one(2) {
		c.Modern["ddl_wait"] = pick(d, []string{"100ms", "500ms", "60s"})
	}
	return c
}

// summary is one line of the script.
func (s script) summary() string {
	kinds := make([]string, len(s.Changes))
	for i, c := range s.Changes {
		kinds[i] = c.Kind + " " + c.Table
	}
	return fmt.Sprintf("round %d (%s, %s): %s", s.Round, s.Kind, s.Theme, strings.Join(kinds, ", "))
}

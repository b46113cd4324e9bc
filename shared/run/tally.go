package run

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stagelift/stagelift/shared/stage"
)

// tally is what of a table is stored.
type tally struct {
	storing sync.Mutex
	started time.Time
	parts   []stage.Part // by number; filled as parts are closed
	groups  []*group     // those that are stored
	// rows and blocks so far, for those who watch.
	rows, blocks atomic.Int64
}

// group is the units and parts since a part and a span last ended together: what
// is known to be whole, or is read again, together.
type group struct {
	spans  []unit        // as they were read
	read   []stage.Range // of what is no slice
	slices []int         // of each unit that is one's
	parts  []int
	// rows were given to parts, copied were sent by the server.
	rows, copied int64
	// closing is waited for by who reads the group again.
	closing sync.WaitGroup

	// The tally's: whether no part comes any more, how many are stored, and why one
	// was not.
	ended  bool
	stored int
	failed error
}

// add records a span that was read, the last of its unit or not.
func (g *group) add(u unit, last bool, copied int64) {
	g.spans, g.copied = append(g.spans, u), g.copied+copied
	switch {
	case u.slice == 0:
		g.read = append(g.read, stage.Range{Relation: u.Relation.OID, File: u.Relation.File, From: u.From, To: u.To})
	case last:
		g.slices = append(g.slices, u.slice)
	}
}

// begin starts the clock.
func (t *tally) begin() {
	t.storing.Lock()
	defer t.storing.Unlock()
	t.started = time.Now()
}

func (t *tally) seconds() float64 {
	t.storing.Lock()
	defer t.storing.Unlock()
	return time.Since(t.started).Seconds()
}

// startPart reserves the next part number.
func (t *tally) startPart() int {
	t.storing.Lock()
	defer t.storing.Unlock()
	t.parts = append(t.parts, stage.Part{})
	return len(t.parts) - 1
}

// close records a part of a group that is stored, or is not.
func (t *tally) close(g *group, number int, part stage.Part, err error) {
	t.storing.Lock()
	defer t.storing.Unlock()
	if t.parts[number] = part; err != nil && g.failed == nil {
		g.failed = err
	}
	g.stored++
	t.commit(g)
	g.closing.Done()
}

// end records that no part of a group comes any more.
func (t *tally) end(g *group) {
	t.storing.Lock()
	defer t.storing.Unlock()
	g.ended = true
	t.commit(g)
}

func (t *tally) commit(g *group) {
	if g.ended && g.stored == len(g.parts) && g.failed == nil {
		t.groups = append(t.groups, g)
	}
}

// stored returns what is stored: the rows that the server sent, the parts in
// order, the ranges that they hold. Slices beyond one do not count, where that is
// not 0.
func (t *tally) stored(slice int) (copied int64, parts []stage.Part, read []stage.Range) {
	t.storing.Lock()
	defer t.storing.Unlock()
	numbers := []int{}
	for _, g := range t.groups {
		if slice > 0 && len(g.slices) > 0 && slices.Max(g.slices) > slice {
			continue
		}
		copied += g.copied
		numbers = append(numbers, g.parts...)
		read = append(read, g.read...)
	}
	slices.Sort(numbers)
	parts = make([]stage.Part, len(numbers))
	for i, number := range numbers {
		parts[i] = t.parts[number]
	}
	return copied, parts, read
}

// lastSlice returns the last slice up to which all are stored whole, a unit of
// each of so many relations, and none of them in a part with one beyond; 0 is none.
func (t *tally) lastSlice(relations int) int {
	t.storing.Lock()
	defer t.storing.Unlock()
	have := map[int]int{}
	for _, g := range t.groups {
		for _, s := range g.slices {
			have[s]++
		}
	}
	last := 0
	for relations > 0 && have[last+1] == relations {
		last++
	}
	for again := true; again; {
		again = false
		for _, g := range t.groups {
			if len(g.slices) > 0 && slices.Min(g.slices) <= last && slices.Max(g.slices) > last {
				last, again = slices.Min(g.slices)-1, true
			}
		}
	}
	return last
}

// began tells whether anything is stored.
func (t *tally) began() bool {
	t.storing.Lock()
	defer t.storing.Unlock()
	return len(t.groups) > 0
}

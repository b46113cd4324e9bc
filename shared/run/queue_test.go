package run

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stagelift/stagelift/shared/postgres"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
)

// fakeTask has a size and nothing behind it.
func fakeTask(name string, blocks int64) *task {
	return &task{settings: &settings{}, Table: &postgres.Table{
		Name:      table.Name{Schema: "s", Table: name},
		Relations: []postgres.Relation{{OID: 1, Blocks: blocks, Bytes: blocks * postgres.BlockSize, ByBlock: true}},
	}}
}

// fakeUnits cuts a table into units of a block each.
func (p *progress) fakeUnits() {
	p.preparing.Lock()
	defer p.preparing.Unlock()
	if !p.isCut() {
		p.share(cutting{blocks: 1}, p.units(p.ranges(), cutting{blocks: 1}), 1)
	}
}

func TestTablesAreHandedOutInTheirOrder(t *testing.T) {
	t.Parallel()
	large := int64(smallTable/postgres.BlockSize + 1)
	q := newQueue([]*task{fakeTask("huge", 2*large), fakeTask("large", large), fakeTask("a", 3), fakeTask("b", 2), fakeTask("c", 1)})
	want := func(names ...string) []*progress {
		t.Helper()
		some := q.next()
		var got []string
		for _, p := range some {
			got = append(got, p.Name.Table)
		}
		if fmt.Sprint(got) != fmt.Sprint(names) {
			t.Fatalf("got tables %v, want %v", got, names)
		}
		return some
	}
	huge := want("huge")
	q.enter(huge)
	q.promote(q.tables[3].Table)
	b := want("b") // somebody waits for it
	if !q.giveUp(q.tables[2]) || q.giveUp(b[0]) {
		t.Error("a table is given up as long as nobody has come to it, and no longer")
	}
	large1 := want("large")
	q.putBack(large1)
	large2 := want("large")
	huge[0].fakeUnits()
	want("huge") // a second stream joins
	q.shutOut(huge[0])
	want("c") // no third one does
	waits := make(chan []*progress)
	go func() { waits <- q.next() }() // large can be joined once somebody is inside
	select {
	case <-waits:
		t.Error("a stream ended while another was about to enter a large table")
	case <-time.After(50 * time.Millisecond):
	}
	q.enter(large2)
	if some := <-waits; len(some) != 1 || some[0] != large2[0] {
		t.Errorf("the stream that waited got %v", some)
	}
	q.shutOut(large2[0])
	want() // nobody is needed beside who has a small one
}

// witness is what a simulated run did, guarded by its own mutex, since the
// queue's is on trial.
type witness struct {
	mu        sync.Mutex
	taken     map[string]int
	published map[string]int
	early     []string
}

func (w *witness) note(do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	do()
}

// work is a stream without a database: parts are closed by others while it goes
// on, and the last who has to do with a table publishes it.
func (w *witness) work(q *queue, random *rand.Rand, closing *sync.WaitGroup) {
	for {
		some := q.next()
		if len(some) == 0 {
			return
		}
		if random.IntN(8) == 0 && len(some) > 1 {
			q.putBack(some)
			continue
		}
		q.enter(some)
		for _, p := range some {
			p.fakeUnits()
			w.read(q, p, random, closing)
			w.left(q, p, 1, 0)
		}
	}
}

func (w *witness) read(q *queue, p *progress, random *rand.Rand, closing *sync.WaitGroup) {
	g := &group{}
	end := func(g *group) {
		if number := p.startPart(); random.IntN(4) > 0 {
			g.parts = append(g.parts, number)
			g.closing.Add(1)
			q.closes(p)
			closing.Go(func() {
				runtime.Gosched()
				p.close(g, number, stage.Part{Rows: 1}, nil)
				w.left(q, p, 0, 1)
			})
		}
		p.end(g)
	}
	for random.IntN(50) > 0 { // or it leaves, and somebody else comes back
		u, more := p.take()
		if !more {
			break
		}
		w.note(func() { w.taken[fmt.Sprint(p.Name.Table, u.From)]++ })
		g.add(u, true, 1)
		if random.IntN(3) == 0 {
			end(g)
			g = &group{}
		}
	}
	end(g)
}

func (w *witness) left(q *queue, p *progress, readers, closing int) {
	if !q.leave(p, readers, closing) {
		return
	}
	_, _, read := p.stored(0)
	w.note(func() {
		if w.published[p.Name.Table]++; len(without(p.ranges(), read)) > 0 {
			w.early = append(w.early, p.Name.Table)
		}
	})
}

// However many streams work on whatever tables: every unit is read once, and
// every table is published once, when all of it is stored.
func TestQueueHandsOutEveryUnitOnceAndPublishesLast(t *testing.T) {
	t.Parallel()
	const runs = 400
	for seed := range uint64(runs) {
		random := rand.New(rand.NewPCG(seed, 1))
		var tasks []*task
		units := int64(0)
		for i := range 1 + random.IntN(6) {
			blocks := 1 + random.Int64N(12)
			units += blocks
			t := fakeTask(fmt.Sprint("t", i, "/"), blocks)
			if random.IntN(2) == 0 {
				t.Relations[0].Bytes = smallTable + 1
			}
			tasks = append(tasks, t)
		}
		w := witness{taken: map[string]int{}, published: map[string]int{}}
		q := newQueue(tasks)
		var streams, closing sync.WaitGroup
		for i := range uint64(1 + random.IntN(16)) {
			streams.Go(func() { w.work(q, rand.New(rand.NewPCG(seed, i+2)), &closing) })
		}
		streams.Wait()
		closing.Wait()
		for _, task := range tasks {
			if n := w.published[task.Name.Table]; n != 1 {
				t.Errorf("seed %d: table %s was published %d times", seed, task.Name, n)
			}
		}
		for unit, n := range w.taken {
			if n != 1 {
				t.Errorf("seed %d: unit %s was taken %d times", seed, unit, n)
			}
		}
		if int64(len(w.taken)) != units || len(w.early) > 0 {
			t.Errorf("seed %d: %d units of %d were taken; published too early: %v", seed, len(w.taken), units, w.early)
		}
	}
}

// A table that failed is not read on, and settled by the last who leaves.
func TestFailedTableIsNotReadOn(t *testing.T) {
	t.Parallel()
	q := newQueue([]*task{fakeTask("t", 2000)})
	first := q.next()
	q.enter(first)
	first[0].fakeUnits()
	second := q.next()
	if len(second) != 1 {
		t.Fatal("the second stream got nothing")
	}
	first[0].stop()
	if _, more := first[0].take(); more || len(q.next()) > 0 {
		t.Error("it is read on")
	}
	if q.leave(first[0], 1, 0) || !q.leave(first[0], 1, 0) {
		t.Error("the last to leave is the one who settles it")
	}
}

package extract

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/stagelift/stagelift/shared/postgres"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
)

// fakeTable has a number of spans and blocks, and nothing behind it.
func fakeTable(name string, spans int, blocks int64) *progress {
	p := &progress{Table: postgres.Table{Name: table.Name{Schema: "s", Table: name}, Blocks: blocks}}
	for i := range spans {
		p.spans = append(p.spans, postgres.Span{From: int64(i)})
		p.chunks = append(p.chunks, []int{i})
	}
	p.cut, p.read = true, make([]bool, spans)
	return p
}

func TestLargestTableComesFirst(t *testing.T) {
	t.Parallel()
	q := newQueue([]*progress{
		fakeTable("b", 1, 5), fakeTable("a", 1, 5), fakeTable("huge", 1, 1<<40), fakeTable("empty", 1, 0),
	})
	for _, want := range []string{"huge", "b", "a", "empty"} {
		p := q.join()
		if p == nil || p.Name.Table != want {
			t.Fatalf("got table %+v, want %s", p, want)
		}
		for more := true; more; {
			_, more = q.take(p)
		}
	}
	if p := q.join(); p != nil {
		t.Errorf("table %s was handed out again", p.Name)
	}
}

// witness is what a simulated run did, guarded by its own mutex, since the
// queue's is on trial.
type witness struct {
	mu        sync.Mutex
	taken     map[string]int
	open      map[string]int // parts not finished yet
	published map[string]int
	early     []string
}

func (w *witness) note(do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	do()
}

// work is a stream without a database: some spans give a part, a part may span
// several of them, and the last to leave publishes.
func (w *witness) work(q *queue, random *rand.Rand) {
	for {
		t := q.join()
		if t == nil {
			return
		}
		name, part := t.Name.Table, -1
		for {
			chunk, more := q.take(t)
			if !more {
				break
			}
			w.note(func() { w.taken[fmt.Sprint(name, t.spans[chunk[0]].From)]++ })
			if part < 0 && random.IntN(4) > 0 {
				part = t.startPart()
				w.note(func() { w.open[name]++ })
			}
			t.rows.Add(1)
			if random.IntN(3) == 0 {
				runtime.Gosched()
			}
			t.commit(unit{spans: chunk, copied: 1})
			if part >= 0 && random.IntN(3) == 0 {
				w.finish(t, &part)
			}
		}
		w.finish(t, &part)
		if q.leave(t) {
			w.note(func() {
				w.published[name]++
				if w.open[name] != 0 || t.copied != int64(len(t.spans)) || len(t.left()) > 0 {
					w.early = append(w.early, name)
				}
			})
			for i, p := range t.parts { // without the lock, as publish does
				if p.Rows != int64(i)+1 {
					w.note(func() { w.early = append(w.early, fmt.Sprintf("%s, part %d", name, i)) })
				}
			}
		}
	}
}

func (w *witness) finish(t *progress, part *int) {
	if *part < 0 {
		return
	}
	t.finishPart(*part, stage.Part{Rows: int64(*part) + 1})
	w.note(func() { w.open[t.Name.Table]-- })
	*part = -1
}

// However many streams work on whatever tables: every span is read once, and
// every table is published once, after the last of its parts.
func TestQueueHandsOutEverySpanOnceAndPublishesLast(t *testing.T) {
	t.Parallel()
	const runs = 400
	for seed := range uint64(runs) {
		random := rand.New(rand.NewPCG(seed, 1))
		var tables []*progress
		spans := 0
		for i := range 1 + random.IntN(6) {
			n := 1
			if random.IntN(3) > 0 {
				n += random.IntN(12)
			}
			spans += n
			tables = append(tables, fakeTable(fmt.Sprint("t", i, "/"), n, random.Int64N(100)))
		}
		w := witness{taken: map[string]int{}, open: map[string]int{}, published: map[string]int{}}
		q := newQueue(tables)
		var streams sync.WaitGroup
		for i := range uint64(1 + random.IntN(16)) {
			streams.Go(func() { w.work(q, rand.New(rand.NewPCG(seed, i+2))) })
		}
		streams.Wait()
		for _, table := range tables {
			if n := w.published[table.Name.Table]; n != 1 {
				t.Errorf("seed %d: table %s with %d spans was published %d times", seed, table.Name, len(table.spans), n)
			}
		}
		for span, n := range w.taken {
			if n != 1 {
				t.Errorf("seed %d: span %s was taken %d times", seed, span, n)
			}
		}
		if len(w.taken) != spans || len(w.early) > 0 {
			t.Errorf("seed %d: %d spans of %d were taken; published too early: %v", seed, len(w.taken), spans, w.early)
		}
	}
}

// A stream that fails never leaves its table, so that nobody publishes it.
func TestFailedStreamKeepsItsTableUnpublished(t *testing.T) {
	t.Parallel()
	p := fakeTable("t", 2, 2)
	q := newQueue([]*progress{p})
	for range 2 {
		if q.join() != p {
			t.Fatal("no table")
		}
		if _, more := q.take(p); !more {
			t.Fatal("no span")
		}
	}
	if q.leave(p) {
		t.Error("the table was to be published, although a stream never left it")
	}
}

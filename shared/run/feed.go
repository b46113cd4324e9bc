package run

import (
	"context"
	"sync"
	"time"

	"github.com/stagelift/stagelift/shared/postgres"
)

// feed hands out the units of a table.
type feed struct {
	mu     sync.Mutex
	cut    bool
	how    cutting
	queued []unit
	// spanBlocks is how many blocks one COPY reads at most.
	spanBlocks int64
	// spent is how long the last span, or slice, took.
	spent time.Duration
	// stopped is true once nothing more is to be read.
	stopped bool

	// Of a window that is read in slices: those of its relations that hold rows,
	// from where it is not cut yet, whether there is nothing more to cut, how many
	// rows make a slice, and how many slices there are.
	sliced    bool
	relations []*postgres.Relation
	from      string
	ended     bool
	sliceRows int64
	slices    int
	// slicedTo are the upper bounds of the slices.
	slicedTo []string

	// preparing and slicing let one stream at a time ask the server how a table is
	// to be cut.
	preparing sync.Mutex
	slicing   sync.Mutex
}

// more tells whether there may be units left.
func (f *feed) more() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.stopped && (!f.cut || len(f.queued) > 0 || f.sliced && !f.ended)
}

// stop has nobody read any further.
func (f *feed) stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopped = true
}

func (f *feed) isStopped() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stopped
}

// share makes the units known.
func (f *feed) share(how cutting, units []unit, spanBlocks int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cut, f.how, f.queued, f.spanBlocks = true, how, units, spanBlocks
}

// slice has the window be read in slices of so many rows, of those relations.
func (f *feed) slice(how cutting, relations []*postgres.Relation, from string, rows int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cut, f.how, f.sliced, f.relations, f.from, f.sliceRows = true, how, true, relations, from, rows
	f.ended = len(relations) == 0
}

func (f *feed) isCut() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cut
}

// take returns a unit that is cut already; false when there is none.
func (f *feed) take() (unit, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped || len(f.queued) == 0 {
		return unit{}, false
	}
	u := f.queued[0]
	f.queued = f.queued[1:]
	return u, true
}

// firstSlice is how many rows the first slice of a window has. It is small, for
// nothing is known yet of how long they take; those that follow grow fast.
const firstSlice = 50

// took makes the next spans, or slices, shorter or longer, so that they take about
// the time that they should: what has to be finished when the time is over, and
// what is read again when a standby cancels it.
func (f *feed) took(u unit, blocks, rows int64, spent, should time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.spent = spent
	switch {
	case u.slice > 0 && spent > should:
		f.sliceRows = max(1, min(f.sliceRows, max(rows, 1))/2)
	case u.slice > 0 && spent < should/4:
		f.sliceRows = min(f.sliceRows*4, 1<<40)
	case u.slice == 0 && spent > should:
		f.spanBlocks = max(1, min(f.spanBlocks, blocks)/2)
	case u.slice == 0 && spent < should/4 && blocks >= f.spanBlocks:
		f.spanBlocks = min(4*f.spanBlocks, f.mostBlocks(u))
	}
}

// mostBlocks is how many blocks of a relation make the largest span.
func (*feed) mostBlocks(u unit) int64 {
	return max(1, largestSpan/size{blocks: u.Relation.Blocks, bytes: u.Relation.Bytes}.each())
}

func (f *feed) last() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.spent
}

func (f *feed) span() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.spanBlocks
}

// next returns a unit; false when none is left. The stream is inside the table.
func (p *progress) next(ctx context.Context, s *postgres.Stream) (unit, bool, error) {
	if u, ok := p.take(); ok || !p.sliced {
		return u, ok, nil
	}
	p.slicing.Lock()
	defer p.slicing.Unlock()
	if u, ok := p.take(); ok || !p.more() {
		return u, ok, nil
	}
	if err := p.cutSlice(ctx, s); err != nil {
		return unit{}, false, err
	}
	u, ok := p.take()
	return u, ok, nil
}

// cutSlice cuts the next slice off a window, a unit of each relation.
func (p *progress) cutSlice(ctx context.Context, s *postgres.Stream) error {
	p.mu.Lock()
	w := postgres.Window{Column: p.window.column, From: p.from, To: p.window.To}
	if p.slices == 0 {
		w.Lookback = p.window.Lookback
	}
	rows := p.sliceRows
	p.mu.Unlock()
	to, err := s.Boundary(ctx, p.Table, p.relations, w, rows)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slices++
	if w.To, p.from = to, to; to == "" {
		w.To, p.ended = p.window.To, true
	}
	for _, r := range p.relations {
		p.queued = append(p.queued, unit{Span: postgres.Span{Relation: r, Window: &w}, slice: p.slices})
	}
	p.slicedTo = append(p.slicedTo, w.To)
	return nil
}

package run

import (
	"slices"
	"sync"

	"github.com/stagelift/stagelift/shared/postgres"
)

// progress is one table of a run, on its way: what is read, who reads, what is
// stored.
type progress struct {
	*task
	tally
	feed
	// sweep is that of the table's keys, whose own rowsOf leads back; nil without.
	sweep, rowsOf *progress

	// The queue's.
	state    readState
	readers  int  // streams inside
	closing  int  // parts that are being closed
	alone    bool // not to be entered together with others
	shut     bool // nobody else enters: a statement waits for the table
	promoted bool // somebody waits for it
	let      bool // its lock is not needed any more
}

type readState int

const (
	waiting readState = iota // nobody has come to it yet
	taken                    // a stream is about to enter
	entered                  // a stream has it, and its lock
	over                     // it failed, or all of it is read
)

// queue hands out tables. A stream stays with its table while there are units
// left, so that its part can grow across them. Small tables are handed out several
// at a time, to be locked and looked at together.
type queue struct {
	mu      sync.Mutex
	changed *sync.Cond
	tables  []*progress // in the order in which their locks are held
}

const (
	// smallTable is the size in bytes up to which a table is handed out with
	// others, and handful how many at most, and how much of them.
	smallTable   = 4 << 20
	handful      = 32
	handfulBytes = 16 << 20
)

func newQueue(tasks []*task) *queue {
	q := &queue{}
	q.changed = sync.NewCond(&q.mu)
	for _, t := range tasks {
		// What a filter or a view takes is not told by the size of the table.
		alone := t.where != "" || !t.Relations[0].ByBlock
		p := &progress{task: t, alone: alone}
		if q.tables = append(q.tables, p); t.keys != nil {
			p.sweep = &progress{task: t.keys, alone: alone, rowsOf: p}
			q.tables = append(q.tables, p.sweep)
		}
	}
	return q
}

// next returns tables that have something left, taken for the caller; none when
// none has. It waits for a stream that is about to enter a table that others can
// join.
func (q *queue) next() []*progress {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		if some := q.choose(); len(some) > 0 {
			return q.take(some)
		}
		if !slices.ContainsFunc(q.tables, func(p *progress) bool { return p.state == taken && p.joinable() }) {
			return nil
		}
		q.changed.Wait()
	}
}

// choose picks what to read next. Tables that somebody waits for come first, then
// those that nobody has begun, then those that others are at.
func (q *queue) choose() []*progress {
	if i := slices.IndexFunc(q.tables, func(p *progress) bool { return p.state == waiting && p.promoted }); i >= 0 {
		return q.tables[i : i+1]
	}
	var some []*progress
	var size int64
	for _, p := range q.tables {
		if p.state != waiting || len(some) > 0 && (p.alone || p.Bytes() > smallTable) {
			continue
		}
		if some, size = append(some, p), size+p.Bytes(); p.alone || size >= handfulBytes || len(some) == handful {
			break
		}
	}
	// A large table is begun by one stream and joined by the others, before small
	// ones are.
	if len(some) > 0 && some[0].Bytes() > smallTable {
		return some[:1]
	}
	if i := slices.IndexFunc(q.tables, func(p *progress) bool { return p.state == entered && p.more() && (p.readers == 0 || p.joinable()) }); i >= 0 {
		return q.tables[i : i+1]
	}
	return some
}

// joinable tells whether a second stream finds enough to do in a table to be worth
// entering it.
func (p *progress) joinable() bool {
	return !p.shut && (p.Bytes() > smallTable || p.alone && len(p.Relations) > 1)
}

// shared tells whether there is a table that streams read together.
func (q *queue) shared() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.ContainsFunc(q.tables, func(p *progress) bool { return p.state != over && p.joinable() })
}

func (q *queue) take(list []*progress) []*progress {
	list = slices.Clone(list)
	for _, p := range list {
		if p.readers++; p.state == waiting {
			p.state = taken
		}
	}
	return list
}

// enter records that the caller is inside of tables that it has taken.
func (q *queue) enter(list []*progress) {
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.changed.Broadcast()
	for _, p := range list {
		if p.state == taken {
			p.state = entered
		}
	}
}

// putBack gives tables back that could not be entered, each to be tried alone.
func (q *queue) putBack(list []*progress) {
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.changed.Broadcast()
	for _, p := range list {
		p.readers--
		if p.alone = true; p.readers == 0 && p.state != over && !p.isCut() {
			p.state = waiting
		}
	}
}

// shutOut keeps other streams from a table that they would have to wait for. It
// reports whether somebody else is inside; the caller has left it then.
func (q *queue) shutOut(p *progress) (inside bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.changed.Broadcast()
	p.shut = true
	if inside = p.state == entered && p.readers > 1; inside {
		p.readers--
	}
	return inside
}

// hurry tells whether somebody waits for a table that nobody reads, and nobody for
// this one: who leaves that would let it be changed.
func (q *queue) hurry(this *progress) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return !this.promoted && slices.ContainsFunc(q.tables, func(p *progress) bool { return p.state == waiting && p.promoted })
}

// promote puts a table that somebody waits for in front of the others, and returns
// its rows' progress.
func (q *queue) promote(t *postgres.Table) *progress {
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.changed.Broadcast()
	for _, p := range q.tables {
		if p.Table == t {
			for _, each := range p.both() {
				each.promoted = true
			}
			return p
		}
	}
	return nil
}

// giveUp takes a table that nobody has come to yet out of the queue; false when
// somebody has.
func (q *queue) giveUp(p *progress) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.changed.Broadcast()
	if slices.ContainsFunc(p.both(), func(each *progress) bool { return each.state != waiting }) {
		return false
	}
	for _, each := range p.both() {
		each.state = over
	}
	return true
}

// closes counts parts of a table that are being closed.
func (q *queue) closes(p *progress) {
	q.mu.Lock()
	defer q.mu.Unlock()
	p.closing++
}

// leave gives a table back. It reports whether that was all of it, its keys as well,
// once, to the last who has to do with it; then it is to be published, or was given
// up.
func (q *queue) leave(p *progress, readers, closing int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.changed.Broadcast()
	p.readers -= readers
	p.closing -= closing
	if p.readers > 0 || p.closing > 0 || p.state == over || p.more() {
		return false
	}
	p.state = over
	return !slices.ContainsFunc(p.both(), func(each *progress) bool { return each.state != over })
}

// holdings lists tables whose lock in the snapshot's session is not needed any
// more, and tells which are still to be read.
func (q *queue) holdings() (let []*progress, unread map[*postgres.Table]*progress) {
	q.mu.Lock()
	defer q.mu.Unlock()
	unread = map[*postgres.Table]*progress{}
	for _, p := range q.tables {
		if p.sweeping {
			continue
		}
		switch {
		case slices.ContainsFunc(p.both(), func(each *progress) bool { return each.state == waiting || each.state == taken }):
			unread[p.Table] = p
		case !p.let:
			let = append(let, p)
		}
	}
	return let, unread
}

package extract

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stagelift/stagelift/shared/encode"
	"github.com/stagelift/stagelift/shared/postgres"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
)

// progress is one table of a run, on its way.
type progress struct {
	postgres.Table
	treatment
	folder stage.Folder
	// fields are the columns as they are read; query is how, but for the span.
	fields   []table.Field
	query    postgres.Query
	encoding encode.Options
	// watermark is an incremental run's; nil for all others.
	watermark *watermark
	// resumed are the spans that an earlier invocation left; nil when the table
	// was not begun.
	resumed []postgres.Span

	// cutting is worked out by the first stream that comes.
	cutting     sync.Once
	cuttingDone error
	limit       int64
	spans       []postgres.Span
	density     float64

	// The queue's.
	cut     bool
	chunks  [][]int
	next    int
	readers int

	mu          sync.Mutex
	snapshot    stage.Snapshot
	consistency string
	started     time.Time
	read        []bool       // by span: all its rows are in parts that are stored
	parts       []stage.Part // by number; filled as parts are closed
	copied      int64        // rows that the server says it sent, of the spans that are read

	rows, blocks atomic.Int64 // so far, for those who watch
	publishedAs  atomic.Pointer[Published]
}

// begin starts the clock.
func (p *progress) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.started = time.Now()
}

// startPart reserves the next part number.
func (p *progress) startPart() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.parts = append(p.parts, stage.Part{})
	return len(p.parts) - 1
}

func (p *progress) finishPart(number int, part stage.Part) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.parts[number] = part
}

// commit records that the spans of a unit are in parts that are stored.
func (p *progress) commit(u unit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, span := range u.spans {
		p.read[span] = true
		p.blocks.Add(p.spans[span].Blocks)
	}
	p.copied += u.copied
}

// drop forgets the parts of a unit, which is read again. Their objects stay
// where they are, and nobody reads them.
func (p *progress) drop(u unit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, number := range u.parts {
		p.parts[number] = stage.Part{}
	}
	p.rows.Add(-u.rows)
}

// stored returns the parts that count, in order.
func (p *progress) stored() []stage.Part {
	p.mu.Lock()
	defer p.mu.Unlock()
	parts := []stage.Part{}
	for _, part := range p.parts {
		if part.Rows > 0 {
			parts = append(parts, part)
		}
	}
	return parts
}

// left returns the spans that are not read; nil when none was begun, because
// the table was not cut.
func (p *progress) left() []postgres.Span {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.read == nil {
		return p.resumed
	}
	spans := []postgres.Span{}
	for i, done := range p.read {
		if !done {
			spans = append(spans, p.spans[i])
		}
	}
	return spans
}

// committed tells whether spans were read in this invocation.
func (p *progress) committed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Contains(p.read, true)
}

package run

import (
	"context"
	"fmt"

	"github.com/stagelift/stagelift/shared/encode"
	"github.com/stagelift/stagelift/shared/postgres"
)

const (
	// sampleFrom is the size in blocks from which the parts of a table are
	// planned: below it there is one, or few.
	sampleFrom = 256
	// sampleBlocks are read to learn how many bytes a block makes, in so many
	// places.
	sampleBlocks = 64
)

// cut cuts a table into units, once. The stream is inside of it.
func (r *run) cut(ctx context.Context, c *postgres.Stream, p *progress) error {
	p.preparing.Lock()
	defer p.preparing.Unlock()
	if p.isCut() {
		return nil
	}
	p.begin()
	if p.window != nil && p.window.sliced {
		return p.cutWindow(ctx, c)
	}
	ranges := p.ranges()
	if p.density == 0 {
		var err error
		if p.density, err = p.sample(ctx, c); err != nil {
			return err
		}
	}
	z := p.remaining(ranges)
	how := cut(z, &r.settings)
	first := max(1, smallestSpan/z.each())
	if p.where != "" || p.window != nil {
		first = 1 // how long a row takes is not known yet
	}
	p.share(how, p.units(ranges, how), first)
	return nil
}

// cutWindow has a window be read in slices.
func (p *progress) cutWindow(ctx context.Context, c *postgres.Stream) error {
	if err := c.CheckCursor(ctx, p.Table, p.window.column, p.where); err != nil {
		return err
	}
	whole := postgres.Window{Column: p.window.column, From: p.window.From, To: p.window.To, Lookback: p.window.Lookback}
	relations, err := c.Holding(ctx, p.Table, whole)
	if err != nil {
		return err
	}
	rows := int64(firstSlice)
	if p.window.rows > 0 {
		rows = min(rows, p.window.rows)
	}
	p.slice(cutting{limit: p.settings.partBytes}, relations, p.window.From, rows)
	return nil
}

// sample learns the density of a table from blocks in the middle of its largest
// relation. Where rows are filtered they may lie anywhere, and nothing is learned.
func (p *progress) sample(ctx context.Context, c *postgres.Stream) (float64, error) {
	largest := &p.Relations[0]
	for i := range p.Relations {
		if p.Relations[i].Blocks > largest.Blocks {
			largest = &p.Relations[i]
		}
	}
	if p.Blocks() < sampleFrom || p.where != "" || p.window != nil || !largest.ByBlock {
		return 0, nil
	}
	span := postgres.Span{Relation: largest, From: max(0, largest.Blocks-sampleBlocks) / 2}
	if largest.Blocks > sampleBlocks {
		span.To = span.From + sampleBlocks
	}
	statement, err := p.query.Copy(span)
	if err != nil {
		return 0, err
	}
	encoder, err := encode.New(p.fields, p.encoding)
	if err != nil {
		return 0, err
	}
	counted := &sampler{encoder: encoder}
	if _, err := c.Copy(ctx, counted, statement); err != nil {
		return 0, fmt.Errorf("reading a sample, %s: %w", span, err)
	}
	size, err := counted.end()
	return float64(size) / float64(min(largest.Blocks, sampleBlocks)), err
}

// sampler encodes rows and counts what comes out. A row that cannot be encoded is
// for those to report who read it in its place.
type sampler struct {
	encoder       encode.Encoder
	begun, failed bool
	size          int64
}

// Write takes one message of COPY.
func (s *sampler) Write(message []byte) (int, error) {
	if s.failed {
		return len(message), nil
	}
	row, err := s.encoder.Row(message)
	if err != nil || row == nil {
		return len(message), err
	}
	if !s.begun {
		if err := s.encoder.Begin(writerFunc(s.count)); err != nil {
			return 0, err
		}
		s.begun = true
	}
	s.failed = s.encoder.Write(row) != nil
	return len(message), nil
}

func (s *sampler) count(p []byte) (int, error) {
	s.size += int64(len(p))
	return len(p), nil
}

func (s *sampler) end() (int64, error) {
	if !s.begun || s.failed {
		return s.size, nil
	}
	err := s.encoder.End()
	return s.size, err
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

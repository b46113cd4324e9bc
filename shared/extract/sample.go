package extract

import (
	"context"
	"fmt"

	"github.com/stagelift/stagelift/shared/encode"
	"github.com/stagelift/stagelift/shared/postgres"
)

const (
	// sampleFrom is the size in blocks from which a table's parts are planned:
	// below it there is one, or few.
	sampleFrom = 256
	// sampleBlocks are read to learn how many bytes a block makes.
	sampleBlocks = 64
)

// planned tells whether all parts of the table were planned at once.
func (p *progress) planned() bool { return p.density > 0 }

// cut cuts a table into spans, and these into chunks. Of a table that an earlier
// invocation began, the spans are those that it left.
func (s *stream) cut(ctx context.Context, t *progress) error {
	t.begin()
	if t.resumed == nil {
		if err := s.sample(ctx, t); err != nil {
			return err
		}
	}
	how, spans := cut(t.Blocks, t.density, s.run.plan), t.resumed
	switch {
	case spans == nil:
		spans = t.Spans(how.spanBlocks)
	case how.parts > 0:
		how.parts = max(1, how.parts*sum(spans)/max(1, t.Blocks))
	}
	t.mu.Lock()
	t.spans, t.read, t.limit = spans, make([]bool, len(spans)), how.limit
	t.mu.Unlock()
	s.run.queue.share(t, how.chunks(spans))
	return nil
}

func sum(spans []postgres.Span) (blocks int64) {
	for _, span := range spans {
		blocks += span.Blocks
	}
	return blocks
}

// sample learns the density of a table from blocks in its middle. Where rows are
// filtered they may lie anywhere, and nothing is learned.
func (s *stream) sample(ctx context.Context, t *progress) error {
	if t.Blocks < sampleFrom || t.where != "" || t.watermark != nil {
		return nil
	}
	spans := t.Spans(spanBytes / postgres.BlockSize)
	span := spans[len(spans)/2]
	if !span.ByBlock() {
		return nil
	}
	if span.From += max(0, span.Blocks-sampleBlocks) / 2; span.Blocks > sampleBlocks {
		span.To = span.From + sampleBlocks
	}
	statement, err := t.query.Copy(span)
	if err != nil {
		return err
	}
	counted, err := newSampler(t)
	if err != nil {
		return err
	}
	if _, err := s.connection.Copy(ctx, counted, statement); err != nil {
		return fmt.Errorf("reading a sample, %s: %w", span, t.explain(err))
	}
	size, err := counted.end()
	t.density = float64(size) / float64(min(span.Blocks, sampleBlocks))
	return err
}

// sampler encodes rows and counts what comes out.
type sampler struct {
	encoder encode.Encoder
	begun   bool
	size    int64
}

func newSampler(t *progress) (*sampler, error) {
	encoder, err := encode.New(t.fields, t.encoding)
	return &sampler{encoder: encoder}, err
}

// Write takes one message of COPY.
func (s *sampler) Write(message []byte) (int, error) {
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
	return len(message), s.encoder.Write(row)
}

func (s *sampler) count(p []byte) (int, error) {
	s.size += int64(len(p))
	return len(p), nil
}

func (s *sampler) end() (int64, error) {
	if !s.begun {
		return 0, nil
	}
	err := s.encoder.End()
	return s.size, err
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

package extract

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/stagelift/stagelift/shared/encode"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/postgres"
)

// extract reads all tables with the streams that the plan allows, and returns
// the first error. The other streams stop at once: their tables stay
// unpublished.
func (r *run) extract(ctx context.Context, snapshot *postgres.Snapshot) error {
	watched, stop := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { r.watch(watched) })
	defer watching.Wait()
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	for range r.plan.streams {
		group.Go(func() error { return r.stream(ctx, snapshot) })
	}
	return group.Wait()
}

// streamBuffers is the number of upload buffers of a stream, 8 MiB each: one
// that is filled, two on their way, and one more for a part that is closing.
const streamBuffers = 4

// stream is one connection of a run, and what it writes with.
type stream struct {
	run        *run
	snapshot   *postgres.Snapshot
	connection *postgres.Stream // nil until there is something to read
	buffers    *object.Buffers
}

// stream works until nothing is left, or the time is over.
func (r *run) stream(ctx context.Context, snapshot *postgres.Snapshot) error {
	s := &stream{run: r, snapshot: snapshot, buffers: object.NewBuffers(object.DefaultBufferSize, streamBuffers)}
	defer s.disconnect(ctx)
	for !r.stopping() {
		t := r.queue.join()
		if t == nil {
			return nil
		}
		if err := s.serve(ctx, t); err != nil {
			return fmt.Errorf("extracting %s: %w", t.Name, err)
		}
		if !r.queue.leave(t) {
			continue
		}
		if r.stopping() && len(t.left()) > 0 {
			return nil
		}
		if err := r.publish(ctx, t); err != nil {
			return fmt.Errorf("publishing %s: %w", t.Name, err)
		}
	}
	return nil
}

func (s *stream) connect(ctx context.Context) (err error) {
	if s.connection == nil {
		s.connection, err = s.snapshot.Stream(ctx)
	}
	return err
}

func (s *stream) disconnect(ctx context.Context) {
	if s.connection != nil {
		_ = s.connection.Close(ctx) // read only: nothing can be lost here
	}
	s.connection = nil
}

// serve reads chunks of one table until none is left, or the time is over.
func (s *stream) serve(ctx context.Context, t *progress) (err error) {
	if err := s.connect(ctx); err != nil {
		return err
	}
	t.cutting.Do(func() { t.cuttingDone = s.cut(ctx, t) })
	if t.cuttingDone != nil {
		return t.cuttingDone
	}
	encoder, err := encode.New(t.fields, t.encoding)
	if err != nil {
		return err
	}
	parts := &partWriter{ctx: ctx, run: s.run, table: t, encoder: encoder, buffers: s.buffers}
	defer func() {
		if err != nil {
			parts.abandon()
		}
	}()
	return s.readChunks(ctx, parts)
}

func (s *stream) readChunks(ctx context.Context, parts *partWriter) error {
	for {
		chunk, more := s.run.queue.take(parts.table)
		if !more {
			return parts.finish()
		}
		for _, span := range chunk {
			if s.run.stopping() {
				return parts.finish()
			}
			if err := s.read(ctx, parts, span); err != nil {
				return err
			}
		}
		if parts.table.planned() {
			if err := parts.endUnit(); err != nil {
				return err
			}
		}
	}
}

// readAttempts is how often the same rows are read before a replica that
// cancels it is given up on.
const readAttempts = 5

// read copies a span. When a replica cancelled it, all that was read since the
// last part that ended with a span is read again, over a new connection: what
// the parts since then hold is not known to be whole.
func (s *stream) read(ctx context.Context, parts *partWriter, span int) error {
	err := s.copy(ctx, parts, span)
	for attempt := 1; err != nil && postgres.Conflict(err) && attempt < readAttempts; attempt++ {
		s.run.Log.WarnContext(ctx, "the replica cancelled a read, which starts again", "run", s.run.id,
			"table", parts.table.Name.String(), "attempt", attempt, "error", err)
		err = s.readAgain(ctx, parts, span)
	}
	return err
}

func (s *stream) readAgain(ctx context.Context, parts *partWriter, span int) error {
	again, err := parts.restart()
	if err != nil {
		return err
	}
	s.disconnect(ctx)
	if err := s.connect(ctx); err != nil {
		return err
	}
	if parts.encoder, err = encode.New(parts.table.fields, parts.table.encoding); err != nil {
		return err
	}
	for _, span := range append(again, span) {
		if err := s.copy(ctx, parts, span); err != nil {
			return err
		}
	}
	return nil
}

func (s *stream) copy(ctx context.Context, parts *partWriter, i int) error {
	span := parts.table.spans[i]
	statement, err := parts.table.query.Copy(span)
	if err != nil {
		return err
	}
	copied, err := s.connection.Copy(ctx, parts, statement)
	if err != nil {
		return fmt.Errorf("reading %s: %w", span, parts.table.explain(err))
	}
	return parts.endSpan(i, copied)
}

// explain names the way out of a value that the format cannot hold.
func (p *progress) explain(err error) error {
	if outside, ok := errors.AsType[*encode.RangeError](err); ok {
		return fmt.Errorf(`%w; set "out_of_range" to "null" or "text", or leave column %s out`, err, outside.Column)
	}
	return err
}

package run

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/stagelift/stagelift/shared/encode"
	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/postgres"
)

// extract reads all tables with the streams that the request allows. Its error is
// one that leaves nothing to be read; what is one table's trouble is in its
// outcome.
func (r *run) extract(ctx context.Context) error {
	if r.queue == nil {
		return nil
	}
	watched, stop := context.WithCancel(ctx)
	watching := r.watch(watched)
	var reading sync.WaitGroup
	for range r.settings.streams {
		reading.Go(func() {
			if err := r.stream(ctx); err != nil {
				r.halt(err)
			}
		})
	}
	reading.Wait()
	r.publishing.Wait()
	stop()
	watching.Wait()
	if ctx.Err() != nil && !errors.Is(context.Cause(ctx), errOutOfTime) {
		return context.Cause(ctx)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stopped
}

// streamBuffers is the number of upload buffers of a stream, 8 MiB each: one
// that is filled, two on their way, and one more for a part that is closing.
const streamBuffers = 4

// stream is one connection of a run, and what it writes with.
type stream struct {
	run        *run
	connection *postgres.Stream // nil until there is something to read
	buffers    *object.Buffers
}

// stream works until nothing is left, or the time is over.
func (r *run) stream(ctx context.Context) error {
	s := &stream{run: r, buffers: object.NewBuffers(object.DefaultBufferSize, streamBuffers)}
	defer s.disconnect(ctx)
	if r.queue.shared() {
		_ = s.connect(ctx) // while others connect and enter; what fails is tried again
	}
	for !r.stopping() && ctx.Err() == nil {
		some := r.queue.next()
		if len(some) == 0 {
			return nil
		}
		if err := s.serve(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

func (s *stream) connect(ctx context.Context) (err error) {
	if s.connection != nil && !s.connection.Usable() {
		s.disconnect(ctx)
	}
	if s.connection == nil {
		s.connection, err = s.run.snapshot.Stream(ctx)
	}
	return err
}

func (s *stream) disconnect(ctx context.Context) {
	if s.connection != nil {
		_ = s.connection.Close(ctx) // read only: nothing can be lost here
	}
	s.connection = nil
}

// serve enters tables, reads what is left of them, and leaves. The error is of the
// connection, where no other can be had; then the tables have failed with it.
func (s *stream) serve(ctx context.Context, some []*progress) error {
	connection, err := s.enter(ctx, some)
	if connection == nil {
		return err
	}
	s.run.queue.enter(some)
	for i, p := range some {
		if i > 0 && !connection.Usable() {
			s.run.queue.putBack(some[i:])
			some = some[:i]
			break
		}
		if err := s.readTable(ctx, connection, p); err != nil {
			s.run.broke(ctx, p, err)
		}
	}
	connection.Leave(ctx)
	for _, p := range some {
		s.run.left(ctx, p, 1, 0)
	}
	return nil
}

const (
	// soon is how long a table is waited for that others are held beside, or that
	// other streams are at.
	soon = 200 * time.Millisecond
	// enterAttempts is how often another connection is opened before a table is
	// given up.
	enterAttempts = 3
)

// enter locks tables and looks at them, and returns the connection that is inside.
// It is nil where none is: the tables have failed, or were given back.
func (s *stream) enter(ctx context.Context, some []*progress) (*postgres.Stream, error) {
	tables := make([]*postgres.Table, len(some))
	for i, p := range some {
		tables[i] = p.Table
	}
	var err error
	for range enterAttempts {
		if err = s.connect(ctx); err != nil {
			break
		}
		if err = s.connection.Enter(ctx, soon, tables...); err == nil {
			return s.connection, nil
		}
		if s.connection.Usable() {
			break
		}
	}
	switch {
	case s.connection == nil || !s.connection.Usable():
		for _, p := range some {
			s.run.broke(ctx, p, err)
			s.run.left(ctx, p, 1, 0)
		}
		return nil, err
	case len(some) > 1:
		s.run.queue.putBack(some)
		return nil, nil
	case errors.Is(err, postgres.ErrBusy):
		return s.enterBusy(ctx, some[0]), nil
	}
	s.run.broke(ctx, some[0], err)
	s.run.left(ctx, some[0], 1, 0)
	return nil, nil
}

// enterBusy comes to a table that a statement waits for: over the session that
// holds it, which nothing can be in front of. Where no session of ours does, the
// statement is waited for.
func (s *stream) enterBusy(ctx context.Context, p *progress) *postgres.Stream {
	if s.run.queue.shutOut(p) {
		s.run.left(ctx, p, 0, 0) // another stream is inside, and reads it to its end
		return nil
	}
	if borrowed, held := s.run.snapshot.Borrow(ctx, p.Table); held {
		return borrowed
	}
	err := s.connection.Enter(ctx, s.run.settings.ddlWait, p.Table)
	if err == nil {
		return s.connection
	}
	if errors.Is(err, postgres.ErrBusy) {
		err = fault.New(fault.Locked, "run again when it is done", "table %s: %s held it exclusively for longer than %v",
			p.Name, s.run.snapshot.Holders(ctx, p.Name), s.run.settings.ddlWait)
	}
	s.run.broke(ctx, p, err)
	s.run.left(ctx, p, 1, 0)
	return nil
}

// readTable reads units of a table until none is left, the time is over, or
// somebody waits for a table that nobody reads.
func (s *stream) readTable(ctx context.Context, c *postgres.Stream, p *progress) error {
	if err := s.run.cut(ctx, c, p); err != nil {
		return err
	}
	encoder, err := encode.New(p.fields, p.encoding)
	if err != nil {
		return err
	}
	fit := encode.NewFit(p.fields, p.limits, p.tooLongs, p.encoding.Key)
	parts := &partWriter{ctx: ctx, run: s.run, table: p, fit: fit, encoder: encoder, buffers: s.buffers}
	defer parts.abandon()
	for s.run.fits(p.last()) && !s.run.queue.hurry(p) && ctx.Err() == nil {
		u, more, err := p.next(ctx, c)
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if err := s.readUnit(ctx, c, parts, u); err != nil {
			return err
		}
	}
	return parts.finish()
}

// readUnit reads a unit span by span. When the time is over, or the table is,
// the rest of it stays unread.
func (s *stream) readUnit(ctx context.Context, c *postgres.Stream, parts *partWriter, u unit) error {
	p := parts.table
	for rest := u; ; {
		span := rest
		if rest.Relation.ByBlock && u.slice == 0 {
			if step := p.span(); rest.To == 0 && rest.From+step < rest.Relation.Blocks || rest.To > rest.From+step {
				span.To = rest.From + step
			}
		}
		begun := time.Now()
		if err := s.read(ctx, c, parts, span); err != nil {
			return err
		}
		p.took(u, span.To-span.From, parts.copied, time.Since(begun), s.run.unitTime)
		last := span.To == rest.To
		if err := parts.endSpan(span, last); err != nil {
			return err
		}
		if last || p.isStopped() || !s.run.fits(p.last()) {
			return nil
		}
		rest.From = span.To
	}
}

// readAttempts is how often the same rows are read before a table is given up.
const readAttempts = 5

// read copies a span. When a standby cancelled it, or the session was ended, all
// that was read since the last part that ended with a span is read again: what the
// parts since then hold is not known to be whole.
func (s *stream) read(ctx context.Context, c *postgres.Stream, parts *partWriter, span unit) error {
	err := s.copy(ctx, c, parts, span)
	for attempt := 1; err != nil && attempt < readAttempts; attempt++ {
		if parts.failed || ctx.Err() != nil || c != s.connection || c.Usable() && !postgres.Conflict(err) {
			break
		}
		s.run.Log.WarnContext(ctx, "a read was cancelled, and starts again", "run", s.run.id,
			"table", parts.table.Name.String(), "attempt", attempt, "error", err)
		err = s.readAgain(ctx, c, parts, span)
	}
	return err
}

// readAgain goes over to another connection where this one is dead.
func (s *stream) readAgain(ctx context.Context, c *postgres.Stream, parts *partWriter, span unit) error {
	again, err := parts.restart()
	if err != nil {
		return err
	}
	if !c.Usable() {
		if err := c.Renew(ctx); err != nil {
			return err
		}
	}
	if parts.encoder, err = encode.New(parts.table.fields, parts.table.encoding); err != nil {
		return err
	}
	for _, span := range again {
		if err := s.copy(ctx, c, parts, span); err != nil {
			return err
		}
		if err := parts.endSpan(span, false); err != nil {
			return err
		}
	}
	return s.copy(ctx, c, parts, span)
}

func (s *stream) copy(ctx context.Context, c *postgres.Stream, parts *partWriter, span unit) error {
	statement, err := parts.table.query.Copy(span.Span)
	if err != nil {
		return err
	}
	parts.spanRows = 0
	if parts.copied, err = c.Copy(ctx, parts, statement); err == nil {
		return nil
	}
	if outside, ok := errors.AsType[*encode.RangeError](err); ok {
		if outside.TooLong {
			return fault.New(fault.Value, fmt.Sprintf(`set "too_long" to "truncate" or "null", or leave column %s out`, outside.Column),
				"reading %s: %w, in %s", parts.table.Name, outside, s.run.place(ctx, parts, span, parts.spanRows))
		}
		return fault.New(fault.Value, fmt.Sprintf(`set "out_of_range" to "null" or "text", or leave column %s out`, outside.Column),
			"reading %s: %w, in %s", parts.table.Name, outside, s.run.place(ctx, parts, span, parts.spanRows))
	}
	if server, ok := errors.AsType[*fault.Error](err); ok && server.Code == fault.Value { // in the row after the last that came
		return fault.New(fault.Value, server.Mend, "reading %s: %w, in %s", parts.table.Name, server.Err, s.run.place(ctx, parts, span, parts.spanRows+1))
	}
	return fmt.Errorf("reading %s: %w", span, err)
}

// place names row number n of a span, from 1, by where it lies if that can be told.
func (r *run) place(ctx context.Context, parts *partWriter, span unit, n int64) string {
	if place := r.snapshot.Place(ctx, parts.table.query, span.Span, n); place != "" {
		return fmt.Sprintf("the row of %s with ctid %s", span.Relation.Name, place)
	}
	return fmt.Sprintf("row %d of %s", n, span)
}

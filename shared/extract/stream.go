package extract

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/stagelift/stagelift/shared/encode"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/postgres"
)

// extract reads all tables with the streams that the plan allows, and returns
// the first error. The other streams stop at once: their tables stay
// unpublished.
func (r *run) extract(ctx context.Context, snapshot *postgres.Snapshot) error {
	spans := 0
	for _, t := range r.tables {
		spans += len(t.spans)
	}
	watched, stop := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { r.watch(watched) })
	defer watching.Wait()
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	for range min(r.plan.streams, spans) {
		group.Go(func() error { return r.stream(ctx, snapshot) })
	}
	return group.Wait()
}

// streamBuffers is the number of upload buffers of a stream, 8 MiB each: one
// that is filled, two on their way, and one more for a part that is closing.
const streamBuffers = 4

// stream works on one connection until no span is left.
func (r *run) stream(ctx context.Context, snapshot *postgres.Snapshot) error {
	connection, err := snapshot.Stream(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close(ctx) }() // read only: nothing can be lost here
	compressor, err := encode.NewCompressor(r.plan.format.Compression)
	if err != nil {
		return err
	}
	buffers := object.NewBuffers(object.DefaultBufferSize, streamBuffers)
	for {
		t := r.queue.join()
		if t == nil {
			return nil
		}
		parts := &partWriter{ctx: ctx, run: r, table: t, compressor: compressor, buffers: buffers}
		if err := r.readSpans(ctx, connection, parts); err != nil {
			return fmt.Errorf("extracting %s: %w", t.Name, err)
		}
		if !r.queue.leave(t) {
			continue
		}
		if err := r.publish(ctx, t); err != nil {
			return fmt.Errorf("publishing %s: %w", t.Name, err)
		}
	}
}

// readSpans copies spans of one table until none is left, into as many parts
// as they fill.
func (r *run) readSpans(ctx context.Context, connection *postgres.Stream, parts *partWriter) (err error) {
	t := parts.table
	defer func() {
		if err != nil {
			parts.abandon()
		}
	}()
	for {
		span, more := r.queue.take(t)
		if !more {
			return parts.finish()
		}
		statement, err := postgres.CopyCSV(t.Columns, span, postgres.CSVOptions{
			Null: r.plan.format.Null, Delimiter: r.plan.format.Delimiter,
		})
		if err != nil {
			return err
		}
		copied, err := connection.Copy(ctx, parts, statement)
		if err != nil {
			return fmt.Errorf("reading %s: %w", describe(span), err)
		}
		t.finishSpan(span, copied)
	}
}

func describe(span postgres.Span) string {
	switch {
	case span.To > 0:
		return fmt.Sprintf("blocks %d to %d of %s", span.From, span.To-1, span.Relation)
	case span.From > 0:
		return fmt.Sprintf("blocks %d and on of %s", span.From, span.Relation)
	}
	return "all of " + span.Relation.String()
}

// watch logs how far the tables are, until ctx ends.
func (r *run) watch(ctx context.Context) {
	if r.ProgressEvery <= 0 {
		return
	}
	ticker := time.NewTicker(r.ProgressEvery)
	defer ticker.Stop()
	seen := make([]int64, len(r.tables))
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for i, t := range r.tables {
			rows := t.rows.Load()
			if rows == seen[i] || t.publishedAs.Load() != nil {
				continue
			}
			seen[i] = rows
			r.Log.InfoContext(ctx, "table progress", "run", r.id, "table", t.Name.String(),
				"rows", rows, "blocks", t.blocks.Load(), "blocks_total", t.Blocks)
		}
	}
}

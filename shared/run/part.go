package run

import (
	"context"
	"errors"
	"fmt"

	"github.com/stagelift/stagelift/shared/encode"
	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
)

// partWriter spreads the rows of one stream and one table over parts. It is
// given one message of COPY with each Write and starts a part with the first row
// after the last part was full, so that no part is empty.
//
// While S3 puts full parts together, the next is being filled: as many are
// closing as the stream has buffers for. Nobody waits for the last ones here.
type partWriter struct {
	ctx     context.Context //nolint:containedctx // io.Writer has no room for it
	run     *run
	table   *progress
	fit     *encode.Fit
	encoder encode.Encoder
	buffers *object.Buffers

	out     *object.Writer // nil between parts
	number  int
	rows    int64
	counted int64 // of the rows

	group *group // that what is read now belongs to; nil between two
	// spanRows are those of the span that is being read, and copied what the
	// server says it sent of it.
	spanRows, copied int64
	// spanBytes is how much the largest span so far has made of a part.
	spanBytes, atSpan int64
	// failed is true once a row could not be written.
	failed bool
}

// Write takes one message of COPY.
func (w *partWriter) Write(message []byte) (int, error) {
	if err := w.write(message); err != nil {
		w.failed = true
		return 0, err
	}
	return len(message), nil
}

func (w *partWriter) write(message []byte) error {
	row, err := w.encoder.Row(message)
	if row == nil || err != nil {
		return err
	}
	w.spanRows++
	if row, err = w.fit.Row(row); err != nil {
		return err
	}
	if w.out == nil {
		if err := w.start(); err != nil {
			return err
		}
	}
	if err := w.encoder.Write(row); err != nil {
		return err
	}
	w.rows++
	if w.rows%countEvery == 0 {
		w.count()
	}
	if w.size() >= w.table.how.limit {
		return w.endPart()
	}
	return nil
}

// countEvery is how many rows are counted at once for those who watch: streams
// that count each would wait for each other.
const countEvery = 1024

// count adds the rows that were not counted yet.
func (w *partWriter) count() {
	fresh := w.rows - w.counted
	w.counted = w.rows
	w.table.rows.Add(fresh)
	if w.group != nil {
		w.group.rows += fresh
	}
}

// size is that of the part that is open, as far as it can be told.
func (w *partWriter) size() int64 {
	if w.out == nil {
		return 0
	}
	return w.out.Written() + w.encoder.Buffered()
}

func (w *partWriter) location() object.Location {
	key := w.run.Layout.Part(w.table.folder, w.table.attempt, w.number, w.table.format.Extension())
	if w.table.sweeping {
		key = w.run.Layout.Keys(w.table.folder, w.table.attempt, w.number, w.table.format.Extension())
	}
	return object.Location{Bucket: w.run.Bucket, Key: key}
}

var contentTypes = map[string]string{
	"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl", "parquet": "application/vnd.apache.parquet",
}

// begin makes sure that there is a group.
func (w *partWriter) begin() *group {
	if w.group == nil {
		w.group = &group{}
	}
	return w.group
}

func (w *partWriter) start() error {
	w.number = w.table.startPart() + w.table.first
	g := w.begin()
	g.parts = append(g.parts, w.number-w.table.first)
	w.rows, w.counted, w.atSpan = 0, 0, 0
	w.out = w.run.Store.NewWriter(w.ctx, w.location(), object.WriterOptions{
		Headers: object.Headers{ContentType: contentTypes[w.table.format.Name]}, Buffers: w.buffers, Tags: stage.Expiring,
	})
	return w.encoder.Begin(w.out)
}

// endSpan records that a span was copied whole, the last of its unit or not. A part
// that another span like it would make too large ends here, where it ends the
// group, and so does one that is its unit's own.
func (w *partWriter) endSpan(u unit, last bool) error {
	g := w.begin()
	g.add(u, last, w.copied)
	w.table.blocks.Add(u.To - u.From)
	size := w.size()
	w.spanBytes, w.atSpan = max(w.spanBytes, size-w.atSpan), size
	if w.out == nil || size+w.spanBytes > w.table.how.limit || last && w.table.how.parts {
		return w.endGroup()
	}
	return nil
}

// endGroup ends the part that is open, if there is one, at the end of a span.
func (w *partWriter) endGroup() error {
	if w.group == nil {
		return nil
	}
	var err error
	if w.out != nil {
		err = w.endPart()
	}
	g := w.group
	w.group = nil
	w.table.end(g)
	return err
}

// endPart hands the part that is open over to be closed.
func (w *partWriter) endPart() error {
	w.count()
	if err := w.encoder.End(); err != nil {
		return fmt.Errorf("writing %s: %w", w.location(), err)
	}
	out, g, part := w.out, w.group, stage.Part{Key: w.location().Key, Rows: w.rows}
	number := w.number - w.table.first
	part.Altered = altered(w.fit.Take())
	w.out = nil
	g.closing.Add(1)
	w.run.queue.closes(w.table)
	w.run.publishing.Go(func() {
		err := out.Close()
		if result := out.Result(); err == nil {
			part.Bytes, part.CRC32C = result.Size, result.CRC32C
			w.run.Log.InfoContext(w.ctx, "part staged", "run", w.table.folder.Run, "table", w.table.Name.String(),
				"keys", w.table.sweeping, "part", number, "rows", part.Rows, "bytes", part.Bytes)
		}
		w.table.close(g, number, part, err)
		if err != nil {
			w.run.broke(w.ctx, w.table, fault.Coded(err, fault.Staging))
		}
		w.run.left(w.ctx, w.table, 0, 1)
	})
	return nil
}

// finish ends the last part. It is visible once the table has no part that is
// closing.
func (w *partWriter) finish() error { return w.endGroup() }

// restart throws away what was read since the group began, and returns its spans.
func (w *partWriter) restart() ([]unit, error) {
	w.abandon()
	g := w.group
	w.group = nil
	if g == nil {
		return nil, nil
	}
	g.closing.Wait()
	w.table.rows.Add(-g.rows)
	return g.spans, g.failed
}

// abandon ends the upload of the part that is open. What was uploaded of it
// disappears; a failure to do so is left to the next run. A part that is closing
// may still become visible: without a receipt nobody reads it.
func (w *partWriter) abandon() {
	if w.out == nil {
		return
	}
	w.count()
	w.fit.Take() // they come again
	if err := w.out.Abort(); err != nil && !errors.Is(err, context.Canceled) {
		w.run.Log.WarnContext(w.ctx, "an unfinished upload could not be ended; the next run will", "location", w.location().String(), "error", err)
	}
	w.out = nil
}

// altered are the counts as they are written down.
func altered(counts map[string]encode.Altered) map[string]stage.Altered {
	if len(counts) == 0 {
		return nil
	}
	list := make(map[string]stage.Altered, len(counts))
	for column, n := range counts {
		list[column] = stage.Altered(n)
	}
	return list
}

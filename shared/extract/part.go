package extract

import (
	"context"
	"errors"
	"fmt"

	"github.com/stagelift/stagelift/shared/encode"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
)

// partWriter spreads the rows of one stream and one table over parts. It is
// given one message of COPY with each Write and starts a part with the first row
// after the last part was full, so that no part is empty.
//
// While S3 puts a full part together, the next is being filled: at most one
// part is closing, and both draw on the stream's buffers.
type partWriter struct {
	ctx     context.Context //nolint:containedctx // io.Writer has no room for it
	run     *run
	table   *progress
	encoder encode.Encoder
	buffers *object.Buffers

	out     *object.Writer // nil between parts
	number  int
	rows    int64
	counted int64      // of the rows
	closing chan error // of the part before; nil when there is none

	unit unit
	// spanBytes is how much the largest span so far has made of a part.
	spanBytes, atSpan int64
}

// unit is the spans and parts since a part and a span last ended together: what
// is known to be whole, or is read again, together.
type unit struct {
	spans        []int
	parts        []int
	rows, copied int64
}

// Write takes one message of COPY.
func (w *partWriter) Write(message []byte) (int, error) {
	row, err := w.encoder.Row(message)
	if row == nil || err != nil {
		return len(message), err
	}
	if w.out == nil {
		if err := w.start(); err != nil {
			return 0, err
		}
	}
	if err := w.encoder.Write(row); err != nil {
		return 0, err
	}
	w.rows++
	if w.rows%countEvery == 0 {
		w.count()
	}
	if w.size() >= w.table.limit {
		err = w.endPart(nil)
	}
	return len(message), err
}

// countEvery is how many rows are counted at once for those who watch: streams
// that count each would wait for each other.
const countEvery = 1024

// count adds the rows that were not counted yet.
func (w *partWriter) count() {
	fresh := w.rows - w.counted
	w.counted = w.rows
	w.unit.rows += fresh
	w.table.rows.Add(fresh)
}

// size is that of the part that is open, as far as it can be told.
func (w *partWriter) size() int64 {
	if w.out == nil {
		return 0
	}
	return w.out.Written() + w.encoder.Buffered()
}

func (w *partWriter) location() object.Location {
	key := w.run.Layout.Part(w.table.folder, w.number, w.table.format.Extension())
	return object.Location{Bucket: w.run.Bucket, Key: key}
}

var contentTypes = map[string]string{
	"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl", "parquet": "application/vnd.apache.parquet",
}

func (w *partWriter) start() error {
	w.number = w.table.startPart()
	w.unit.parts = append(w.unit.parts, w.number)
	w.rows, w.counted, w.atSpan = 0, 0, 0
	w.out = w.run.Store.NewWriter(w.ctx, w.location(), object.WriterOptions{
		Headers: object.Headers{ContentType: contentTypes[w.table.format.Name]}, Buffers: w.buffers,
	})
	return w.encoder.Begin(w.out)
}

// endSpan records that a span was copied whole. A part that another span like
// it would make too large ends here, where it ends the unit.
func (w *partWriter) endSpan(span int, copied int64) error {
	w.unit.spans = append(w.unit.spans, span)
	w.unit.copied += copied
	size := w.size()
	w.spanBytes, w.atSpan = max(w.spanBytes, size-w.atSpan), size
	if w.out == nil || size+w.spanBytes > w.table.limit {
		return w.endUnit()
	}
	return nil
}

// endUnit ends the part that is open, if there is one, at the end of a span.
func (w *partWriter) endUnit() error {
	w.count()
	u := w.unit
	w.unit = unit{}
	if w.out != nil {
		return w.endPart(&u)
	}
	if err := w.settle(); err != nil {
		return err
	}
	w.table.commit(u)
	return nil
}

// endPart hands the part that is open over to be closed, and returns once the
// part before it is closed. When it ends a unit, this is committed with it.
func (w *partWriter) endPart(ends *unit) error {
	w.count()
	if err := w.encoder.End(); err != nil {
		return fmt.Errorf("writing %s: %w", w.location(), err)
	}
	if err := w.settle(); err != nil {
		return err
	}
	out, number, part := w.out, w.number, stage.Part{Key: w.location().Key, Rows: w.rows}
	closing := make(chan error, 1)
	w.out, w.closing = nil, closing
	go func() { closing <- w.closePart(out, number, part, ends) }()
	return nil
}

// closePart makes a part visible and records it.
func (w *partWriter) closePart(out *object.Writer, number int, part stage.Part, ends *unit) error {
	if err := out.Close(); err != nil {
		return err
	}
	result := out.Result()
	part.Bytes, part.CRC32C = result.Size, result.CRC32C
	w.table.finishPart(number, part)
	if ends != nil {
		w.table.commit(*ends)
	}
	w.run.Log.InfoContext(w.ctx, "part staged", "run", w.run.id, "table", w.table.Name.String(),
		"part", number, "rows", part.Rows, "bytes", part.Bytes)
	return nil
}

// settle waits for the part that is closing.
func (w *partWriter) settle() error {
	if w.closing == nil {
		return nil
	}
	err := <-w.closing
	w.closing = nil
	return err
}

// finish ends the last part and returns when all of them are visible.
func (w *partWriter) finish() error {
	if err := w.endUnit(); err != nil {
		return err
	}
	return w.settle()
}

// restart throws away what was read since the unit began, and returns its
// spans. The part that is closing may belong to the unit before, which must not
// be lost.
func (w *partWriter) restart() ([]int, error) {
	if err := w.settle(); err != nil {
		return nil, err
	}
	w.abandon()
	u := w.unit
	w.unit = unit{}
	w.table.drop(u)
	return u.spans, nil
}

// abandon ends the upload of the part that is open. What was uploaded of it
// disappears; a failure to do so is left to the next run. A part that is closing
// may still become visible: without a receipt nobody reads it.
func (w *partWriter) abandon() {
	_ = w.settle() // the run has failed already, and knows why
	if w.out == nil {
		return
	}
	if err := w.out.Abort(); err != nil && !errors.Is(err, context.Canceled) {
		w.run.Log.WarnContext(w.ctx, "an unfinished upload could not be ended; the next run will", "location", w.location().String(), "error", err)
	}
	w.out = nil
}

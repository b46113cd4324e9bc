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
// given one row with each Write and starts a part with the first row after the
// last part was full, so that no part is empty. Its header line is not a row.
//
// While S3 puts a full part together, the next is being filled: at most one
// part is closing, and both draw on the stream's buffers.
type partWriter struct {
	ctx        context.Context //nolint:containedctx // io.Writer has no room for it
	run        *run
	table      *progress
	compressor encode.Compressor
	buffers    *object.Buffers

	out     *object.Writer // nil between parts
	number  int
	rows    int64
	closing chan error // of the part before; nil when there is none
}

// Write takes one row.
func (w *partWriter) Write(row []byte) (int, error) {
	if w.out == nil {
		if err := w.start(); err != nil {
			return 0, err
		}
	}
	n, err := w.compressor.Write(row)
	if err != nil {
		return n, err
	}
	w.rows++
	w.table.rows.Add(1)
	if w.out.Written() >= w.run.plan.partBytes {
		err = w.endPart()
	}
	return n, err
}

func (w *partWriter) location() object.Location {
	key := w.run.Layout.Part(w.table.folder, w.number, w.run.plan.format.Extension())
	return object.Location{Bucket: w.run.Bucket, Key: key}
}

func (w *partWriter) start() error {
	w.number = w.table.startPart()
	w.rows = 0
	w.out = w.run.Store.NewWriter(w.ctx, w.location(), object.WriterOptions{
		ContentType: "text/csv; charset=utf-8", Buffers: w.buffers,
	})
	w.compressor.Reset(w.out)
	if w.run.plan.format.Header {
		_, err := w.compressor.Write(w.table.header)
		return err
	}
	return nil
}

// endPart hands the part that is open, if there is one, over to be closed, and
// returns once the part before it is closed.
func (w *partWriter) endPart() error {
	if w.out == nil {
		return nil
	}
	if err := w.compressor.Close(); err != nil {
		return fmt.Errorf("writing %s: %w", w.location(), err)
	}
	if err := w.settle(); err != nil {
		return err
	}
	out, number, part := w.out, w.number, stage.Part{Key: w.location().Key, Rows: w.rows}
	closing := make(chan error, 1)
	w.out, w.closing = nil, closing
	go func() { closing <- w.closePart(out, number, part) }()
	return nil
}

// closePart makes a part visible and records it.
func (w *partWriter) closePart(out *object.Writer, number int, part stage.Part) error {
	if err := out.Close(); err != nil {
		return err
	}
	result := out.Result()
	part.Bytes, part.CRC32C = result.Size, result.CRC32C
	w.table.finishPart(number, part)
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
	if err := w.endPart(); err != nil {
		return err
	}
	return w.settle()
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
}

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
type partWriter struct {
	ctx        context.Context //nolint:containedctx // io.Writer has no room for it
	run        *run
	table      *progress
	compressor encode.Compressor

	out    *object.Writer // nil between parts
	number int
	rows   int64
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
		err = w.finish()
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
	w.out = w.run.Store.NewWriter(w.ctx, w.location(), object.WriterOptions{ContentType: "text/csv; charset=utf-8"})
	w.compressor.Reset(w.out)
	if w.run.plan.format.Header {
		_, err := w.compressor.Write(w.table.header)
		return err
	}
	return nil
}

// finish closes the part that is open, if there is one, and records it.
func (w *partWriter) finish() error {
	if w.out == nil {
		return nil
	}
	if err := w.compressor.Close(); err != nil {
		return fmt.Errorf("writing %s: %w", w.location(), err)
	}
	if err := w.out.Close(); err != nil {
		return err
	}
	result := w.out.Result()
	part := stage.Part{Key: w.location().Key, Rows: w.rows, Bytes: result.Size, CRC32C: result.CRC32C}
	w.table.finishPart(w.number, part)
	w.run.Log.InfoContext(w.ctx, "part staged", "run", w.run.id, "table", w.table.Name.String(),
		"part", w.number, "rows", part.Rows, "bytes", part.Bytes)
	w.out = nil
	return nil
}

// abandon ends the upload of the part that is open. What was uploaded of it
// disappears; a failure to do so is left to the next run.
func (w *partWriter) abandon() {
	if w.out == nil {
		return
	}
	if err := w.out.Abort(); err != nil && !errors.Is(err, context.Canceled) {
		w.run.Log.WarnContext(w.ctx, "an unfinished upload could not be ended; the next run will", "location", w.location().String(), "error", err)
	}
}

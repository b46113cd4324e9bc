package object

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// errAborted is what a Writer answers after Abort.
var errAborted = errors.New("the writer was aborted")

// Writer writes one object. Bytes are collected into parts, which are uploaded
// while the next are written; an output that fits into the first part is stored
// with one request. Nothing is visible before Close succeeds.
//
// Its memory is (Concurrency + 1) × the part size, which is that of a buffer
// (8 MiB) for the first 1,000 parts and grows in steps to ten times as much. The
// longest output is 55,000 buffers, 430 GiB; beyond it, Write fails.
//
// A Writer must be ended by Close or Abort. It is not for concurrent use.
type Writer struct {
	ctx       context.Context //nolint:containedctx // io.Writer has no room for it
	cancel    context.CancelCauseFunc
	store     *Store
	location  Location
	draft     draft
	condition condition
	buffers   *Buffers

	// The part being filled: full buffers, the one in use, and their checksum.
	full    [][]byte
	current []byte
	sum     crc
	number  int // of the part, from 1
	written int64

	upload *upload // nil until the first part is full
	slots  chan struct{}
	flight sync.WaitGroup

	ended  bool
	err    error
	result Result
}

// NewWriter returns a Writer. Nothing is sent before the first part is full. The
// context is for the Writer's whole life: when it ends, so does the upload.
func (s *Store) NewWriter(ctx context.Context, l Location, o WriterOptions) *Writer {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &Writer{
		ctx: ctx, cancel: cancel, store: s, location: l,
		draft:     draft{Headers: o.Headers, tags: o.Tags},
		condition: condition{absent: o.IfAbsent},
		buffers:   o.Buffers,
		number:    1,
	}
	if o.Concurrency <= 0 {
		o.Concurrency = 2
	}
	if w.buffers == nil {
		w.buffers = s.buffers
	}
	w.slots = make(chan struct{}, o.Concurrency)
	return w
}

// Write takes all of p, which it does not keep. It waits while as many parts as
// allowed are in flight. An error is final: the upload has been aborted.
func (w *Writer) Write(p []byte) (int, error) {
	if w.ended {
		return 0, w.endedError()
	}
	taken := 0
	for taken < len(p) {
		if len(w.current) == cap(w.current) {
			if err := w.nextBuffer(); err != nil {
				return taken, w.fail(err)
			}
		}
		at := len(w.current)
		n := copy(w.current[at:cap(w.current)], p[taken:])
		w.current = w.current[:at+n]
		w.sum = w.sum.update(w.current[at:])
		taken += n
		w.written += int64(n)
	}
	return taken, nil
}

// Written returns how many bytes Write has taken.
func (w *Writer) Written() int64 { return w.written }

// nextBuffer puts the current buffer, which is full, away and takes an empty
// one. A full part is sent only now that more follows, so that the last part is
// never empty.
func (w *Writer) nextBuffer() error {
	if w.current != nil {
		w.full = append(w.full, w.current)
		w.current = nil
	}
	if int64(len(w.full))*int64(w.buffers.size) == w.buffers.partSize(w.number) {
		if w.number == maxParts {
			return fmt.Errorf("it would exceed %d bytes, all that %d parts can hold; split the output or use larger buffers",
				w.buffers.maxOutput(), maxParts)
		}
		if err := w.send(); err != nil {
			return err
		}
	}
	var err error
	w.current, err = w.buffers.get(w.ctx)
	return err
}

// send hands the part over to a goroutine and starts a new one. The first error
// of a part ends the context, and with it everything else.
func (w *Writer) send() error {
	if w.upload == nil {
		var err error
		if w.upload, err = w.store.createUpload(w.ctx, w.location, w.draft); err != nil {
			return err
		}
	}
	select {
	case w.slots <- struct{}{}:
	case <-w.ctx.Done():
	}
	if w.ctx.Err() != nil {
		return context.Cause(w.ctx)
	}
	number, sum, pieces := w.number, w.sum, w.takePieces()
	w.number, w.sum = w.number+1, crc{}
	w.flight.Go(func() {
		if err := w.upload.put(w.ctx, number, newBody(pieces...), sum); err != nil {
			w.cancel(err)
		}
		w.buffers.put(pieces)
		<-w.slots
	})
	return nil
}

// takePieces empties the part being filled.
func (w *Writer) takePieces() [][]byte {
	pieces := w.full
	if w.current != nil {
		pieces = append(pieces, w.current)
	}
	w.full, w.current = nil, nil
	return pieces
}

// Close makes the object visible, or returns why it could not and leaves nothing
// behind. Later calls return the same. When the context ends while the object is
// completed, it looks what has become of it.
func (w *Writer) Close() error {
	if w.ended {
		return w.err
	}
	attributes, err := w.finish()
	if err != nil {
		return w.fail(err)
	}
	w.result = Result{
		Size: w.written, ETag: attributes.ETag, VersionID: attributes.VersionID, CRC32C: attributes.CRC32C, Parts: w.number,
	}
	return w.end(nil)
}

func (w *Writer) finish() (Attributes, error) {
	if w.ctx.Err() != nil {
		return Attributes{}, context.Cause(w.ctx)
	}
	if w.upload == nil {
		pieces := w.takePieces()
		defer w.buffers.put(pieces)
		return w.store.put(w.ctx, w.location, newBody(pieces...), w.sum, w.draft, w.condition)
	}
	last := w.number
	if err := w.send(); err != nil {
		return Attributes{}, err
	}
	w.number = last
	w.flight.Wait()
	if w.ctx.Err() != nil {
		return Attributes{}, context.Cause(w.ctx)
	}
	return w.upload.complete(w.ctx, w.condition)
}

// Result describes the object, once Close has succeeded.
func (w *Writer) Result() Result { return w.result }

// Abort ends the upload and leaves nothing behind. After Close, or another
// Abort, it does nothing, so that it can be deferred. The error says that parts
// may be left, invisible, for AbortUploads to remove.
func (w *Writer) Abort() error {
	if w.ended {
		return nil
	}
	return w.end(at("writing", w.location, errAborted))
}

// fail ends the writer after an error.
func (w *Writer) fail(err error) error {
	err = at("writing", w.location, err)
	if abortErr := w.end(err); abortErr != nil {
		w.err = errors.Join(err, abortErr)
	}
	return w.err
}

// end releases what the writer holds. Unless all went well, it waits for the
// parts in flight, since one that arrives after the abort would stay, and aborts.
func (w *Writer) end(err error) error {
	w.ended, w.err = true, err
	w.cancel(errAborted)
	w.flight.Wait()
	w.buffers.put(w.takePieces())
	if err == nil || w.upload == nil {
		return nil
	}
	return w.upload.abort(w.ctx)
}

func (w *Writer) endedError() error {
	if w.err != nil {
		return w.err
	}
	return at("writing", w.location, errors.New("the writer is closed"))
}

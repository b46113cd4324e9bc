package header

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/stagelift/stagelift/shared/object"
)

// rewrite decompresses the slices, one after the other, and compresses them again
// behind the header as one member. It holds a few buffers, whatever the size.
func (w *work) rewrite(ctx context.Context, f *fitting, o object.ComposeOptions) (err error) {
	if err := w.job.rewriting.Acquire(ctx, 1); err != nil {
		return context.Cause(ctx)
	}
	defer w.job.rewriting.Release(1)
	out := w.job.Store.NewWriter(ctx, w.to, object.WriterOptions{
		Headers: o.Headers, Tags: o.Tags, IfAbsent: o.IfAbsent,
		Concurrency: 1, Buffers: w.job.buffers,
	})
	defer func() { err = errors.Join(err, out.Abort()) }()
	packed, err := f.first.compression.writer(out)
	if err != nil {
		return fmt.Errorf("compressing with %s: %w", f.first.compression, err)
	}
	lines := &liner{w: packed}
	if _, err := packed.Write(f.head); err != nil {
		return err
	}
	for _, s := range f.slices {
		if s.attributes.Size == 0 {
			continue
		}
		if err := f.pour(ctx, lines, s); err != nil {
			return f.of(s, err)
		}
	}
	if err := packed.Close(); err != nil {
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	made := out.Result()
	w.headed.add(func(h *Headed) {
		h.Destination, h.Bytes, h.Parts = w.to.String(), made.Size, made.Parts
		h.Uploaded += made.Size
	})
	return w.verify(ctx, made, object.Checksum{Algorithm: "CRC32C", Value: made.CRC32C}, o.Metadata[mark])
}

// pour writes the text of one slice, without its byte order mark, and without its
// header unless it is the first.
func (f *fitting) pour(ctx context.Context, to *liner, s *slice) error {
	body, err := f.job.Store.Open(ctx, s.Location, object.OpenOptions{ETag: s.attributes.ETag, VersionID: s.attributes.VersionID})
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	f.headed.add(func(h *Headed) { h.Downloaded += s.attributes.Size })
	unpacked, err := s.compression.reader(bufio.NewReaderSize(body, startBytes))
	if err != nil {
		return fmt.Errorf("decompressing with %s: %w", s.compression, err)
	}
	defer closeReader(unpacked)
	text := bufio.NewReaderSize(unpacked, startBytes+len(f.line))
	start, err := text.Peek(len(bom) + len(f.line) + sliceStart)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("decompressing with %s: %w", s.compression, err)
	}
	rest := bytes.TrimPrefix(start, []byte(bom))
	leave := len(start) - len(rest)
	if s != f.first {
		leave += f.dialect.headed(rest, f.line, f.columns.names, errors.Is(err, io.EOF))
	}
	if _, err := text.Discard(leave); err != nil {
		return err
	}
	if err := to.endLine(f.dialect.ending); err != nil {
		return err
	}
	if _, err := io.Copy(to, text); err != nil {
		return fmt.Errorf("rewriting with %s: %w", s.compression, err)
	}
	return nil
}

// liner remembers whether a line is open.
type liner struct {
	w    io.Writer
	open bool
}

func (l *liner) Write(p []byte) (int, error) {
	if len(p) > 0 {
		l.open = p[len(p)-1] != '\n'
	}
	return l.w.Write(p)
}

// endLine ends a line that is open.
func (l *liner) endLine(ending string) error {
	if !l.open {
		return nil
	}
	_, err := io.WriteString(l, ending)
	return err
}

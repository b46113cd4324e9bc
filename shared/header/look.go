package header

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/stagelift/stagelift/shared/object"
)

// slice is a source that was looked at.
type slice struct {
	source
	attributes  object.Attributes
	tags        map[string]string
	compression *compression
	// start is the object's first bytes, as they are stored; text is the same,
	// decompressed. complete says that text is all there is.
	start, text []byte
	complete    bool
	// lead is what a copy leaves out at the start: the byte order mark, and the
	// header where the slice is not the first. It is text that is not compressed.
	lead []byte
	// marked says that the text begins with a byte order mark, headed that the
	// header is there already.
	marked, headed bool
	// open says that the last line has no end.
	open bool
}

// stat finds out what S3 knows of a source.
func (w *work) stat(ctx context.Context, s source) (*slice, error) {
	attributes, err := w.job.Store.Stat(ctx, s.Location)
	if err != nil {
		return nil, err
	}
	if s.size >= 0 && attributes.Size != s.size {
		return nil, fmt.Errorf("%s has %d bytes, and manifest %s says %d: %w", s.Location, attributes.Size, w.manifestAt, s.size, object.ErrChanged)
	}
	return &slice{source: s, attributes: attributes}, nil
}

// look reads the start of a source and judges it. At least size bytes of its text
// are read, if it has them.
func (w *work) look(ctx context.Context, s *slice, size int64) error {
	if err := w.more(ctx, s, size); err != nil {
		return err
	}
	var err error
	if s.compression, err = compressionOf(s.Key, s.start); err != nil {
		return err
	}
	if s.compression != nil {
		if err := w.more(ctx, s, max(size, s.compression.window)); err != nil {
			return err
		}
	}
	if s.text, err = s.compression.peek(s.start, max(size, startBytes)); err != nil {
		return err
	}
	s.complete = int64(len(s.start)) == s.attributes.Size && int64(len(s.text)) < max(size, startBytes)
	if s.compression == nil {
		s.complete = int64(len(s.start)) == s.attributes.Size
	}
	s.marked = bytes.HasPrefix(s.text, []byte(bom))
	return judgeText(s.text, s.complete)
}

// more reads the first bytes as far as they were not read before.
func (w *work) more(ctx context.Context, s *slice, size int64) error {
	have := int64(len(s.start))
	size = min(size, s.attributes.Size)
	if size <= have {
		return nil
	}
	r, err := w.job.Store.Open(ctx, s.Location, object.OpenOptions{
		ETag: s.attributes.ETag, VersionID: s.attributes.VersionID, Offset: have, Length: size - have,
	})
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	more, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.start = append(s.start, more...)
	w.headed.add(func(h *Headed) { h.Downloaded += int64(len(more)) })
	return nil
}

// openEnd finds out whether the last line has an end.
func (w *work) openEnd(ctx context.Context, s *slice) error {
	switch {
	case s.attributes.Size == 0 || s.compression != nil:
		return nil // what is compressed is trusted to be whole lines
	case s.complete:
		s.open = !bytes.HasSuffix(s.text, []byte("\n"))
		return nil
	}
	r, err := w.job.Store.Open(ctx, s.Location, object.OpenOptions{
		ETag: s.attributes.ETag, VersionID: s.attributes.VersionID, Offset: s.attributes.Size - 1, Length: 1,
	})
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	last, err := io.ReadAll(r)
	s.open = !bytes.Equal(last, []byte("\n"))
	w.headed.add(func(h *Headed) { h.Downloaded++ })
	return err
}

// plain is the slice's text without a byte order mark.
func (s *slice) plain() []byte { return bytes.TrimPrefix(s.text, []byte(bom)) }

// fit decides what the copy leaves out of a slice, given the header that will
// stand in front of the first. A first slice that has the header keeps its own.
func (s *slice) fit(d dialect, line []byte, c columns, first bool) error {
	header := d.headed(s.plain(), line, c.names, s.complete)
	s.headed = header > 0
	leave := len(s.text) - len(s.plain())
	if s.headed && !first {
		leave += header
	}
	s.lead = bytes.Clone(s.text[:leave])
	if leave > 0 && s.compression != nil {
		return fmt.Errorf("%s begins with %s inside of %s, which cannot be left out by copying; ask for rewrite", s.Location, what(s), s.compression)
	}
	return nil
}

func what(s *slice) string {
	if s.marked {
		return "a byte order mark"
	}
	return "the header"
}

// forget drops what was read, once it is judged, so that a merge of many slices
// does not hold the starts of all.
func (s *slice) forget() { s.start, s.text = nil, nil }

// isFolder reports whether an object only stands for a folder.
func (s *slice) isFolder() bool { return s.attributes.Size == 0 && strings.HasSuffix(s.Key, "/") }

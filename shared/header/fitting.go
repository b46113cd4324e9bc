package header

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"golang.org/x/sync/errgroup"

	"github.com/stagelift/stagelift/shared/object"
)

// fitting is the header fitted to the slices of one copy.
type fitting struct {
	*work
	slices []*slice
	// first is the first slice that has bytes, or the first; its metadata, tags
	// and the rest are the copy's.
	first   *slice
	columns columns
	dialect dialect
	// line is the header with its end, head what stands before the first slice;
	// neither is compressed.
	line, head []byte
}

// fitAll looks at the other slices, too, and decides what of each is copied. With
// rewrite, that is decided while they are read.
func (f *fitting) fitAll(ctx context.Context) error {
	if !f.rewrites() {
		if err := f.first.fit(f.dialect, f.line, f.columns, true); err != nil {
			return err
		}
	} else {
		f.first.headed = f.dialect.headed(f.first.plain(), f.line, f.columns.names, f.first.complete) > 0
	}
	f.setHead()
	if !f.merge {
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(looks)
	for _, s := range f.slices {
		if s.attributes.Size > 0 {
			group.Go(func() error { return f.of(s, f.fitOne(ctx, s)) })
		}
	}
	return group.Wait()
}

func (f *fitting) fitOne(ctx context.Context, s *slice) error {
	if s != f.first {
		if err := f.look(ctx, s, int64(len(f.line))+sliceStart); err != nil {
			return err
		}
		if s.compression != f.first.compression {
			return fmt.Errorf("it is compressed with %s, and %s with %s; they cannot be one object", s.compression, f.first.Location, f.first.compression)
		}
		if !f.rewrites() {
			if err := s.fit(f.dialect, f.line, f.columns, false); err != nil {
				return err
			}
		}
	}
	if err := f.openEnd(ctx, s); err != nil {
		return err
	}
	s.forget()
	return nil
}

// rewrites reports whether all bytes pass through the function: where that was
// asked for, and there is something to decompress.
func (f *fitting) rewrites() bool { return f.request.Rewrite && f.first.compression != nil }

// setHead decides what stands before the first slice: a byte order mark where one
// is wanted, and the header unless the slice has it. What would be taken away and
// put back stays.
func (f *fitting) setHead() {
	wanted := f.first.marked
	if f.request.BOM != nil {
		wanted = *f.request.BOM
	}
	f.head = nil
	if wanted {
		f.head = append(f.head, bom...)
	}
	if f.first.headed {
		f.headed.add(func(h *Headed) { h.Note = "it had the header already" })
	} else {
		f.head = append(f.head, f.line...)
	}
	if bytes.Equal(f.head, f.first.lead) {
		f.head, f.first.lead = nil, nil
	}
}

// segments are what the copy is made of.
func (f *fitting) segments() ([]object.Segment, error) {
	head, err := f.first.compression.pack(f.head)
	if err != nil {
		return nil, err
	}
	segments := []object.Segment{{Bytes: head}}
	open := false
	for _, s := range f.slices {
		lead, size := int64(len(s.lead)), s.attributes.Size
		if size == lead {
			continue
		}
		if open {
			segments = append(segments, object.Segment{Bytes: []byte(f.dialect.ending)})
		}
		open = s.open
		at := lead
		// What was read is at hand; with nothing before it, the copy is better whole.
		if start := int64(len(s.start)); start > lead && (len(head) > 0 || start == size) {
			segments = append(segments, object.Segment{Bytes: s.start[lead:]})
			at = start
		}
		if size > at {
			segments = append(segments, object.Segment{
				Source: s.Location, ETag: s.attributes.ETag, VersionID: s.attributes.VersionID, Offset: at, Length: size - at, Size: size,
			})
		}
	}
	return segments, nil
}

// expected is the checksum that the copy will have, if S3 keeps checksums of all
// sources that can be put together; else the zero value.
func (f *fitting) expected(head []byte) object.Checksum {
	algorithm := f.first.attributes.Checksum.Algorithm
	sum := object.ChecksumOf(algorithm, head)
	open := false
	for _, s := range f.slices {
		length := s.attributes.Size - int64(len(s.lead))
		if length == 0 {
			continue
		}
		if open {
			sum = sum.Append(object.ChecksumOf(algorithm, []byte(f.dialect.ending)), int64(len(f.dialect.ending)))
		}
		open = s.open
		rest := s.attributes.Checksum
		if len(s.lead) > 0 {
			rest = rest.Without(object.ChecksumOf(algorithm, s.lead), length)
		}
		sum = sum.Append(rest, length)
	}
	return sum
}

// recipe names all that the copy depends on, so that one that is there can be
// told from one that is to be made.
func (f *fitting) recipe() (string, error) {
	type ingredient struct {
		From       object.Location
		ETag       string
		VersionID  string
		Size, Lead int64
		Open       bool
	}
	var ingredients []ingredient
	for _, s := range f.slices {
		ingredients = append(ingredients, ingredient{s.Location, s.attributes.ETag, s.attributes.VersionID, s.attributes.Size, int64(len(s.lead)), s.open})
	}
	options := f.options()
	options.IfAbsent = false
	text, err := json.Marshal(struct {
		Head, Compression string
		Rewrite           bool
		Ingredients       []ingredient
		Options           object.ComposeOptions
	}{string(f.head), f.first.compression.String(), f.rewrites(), ingredients, options})
	if err != nil {
		return "", fmt.Errorf("naming the copy: %w", err)
	}
	digest := sha256.Sum256(text)
	return hex.EncodeToString(digest[:16]), nil
}

// options are what the copy has of its first source.
func (f *fitting) options() object.ComposeOptions {
	headers := f.first.attributes.Headers
	headers.Metadata = maps.Clone(headers.Metadata)
	if headers.Metadata == nil {
		headers.Metadata = map[string]string{}
	}
	tags := maps.Clone(f.first.tags)
	delete(tags, f.request.After.Tag.Key) // or the second delivery would find another source
	return object.ComposeOptions{
		Headers: headers, Tags: tags,
		IfAbsent:  f.request.IfExists == existsSkip || f.request.IfExists == existsFail,
		Algorithm: cmp.Or(f.first.attributes.Checksum.Algorithm, "CRC32C"),
	}
}

// standing looks at what is in the copy's place. It is done if the very copy is
// there; Skipped is set then, too, and where another object is to be kept.
func (w *work) standing(ctx context.Context, f *fitting) (done bool, err error) {
	recipe, err := f.recipe()
	if err != nil {
		return false, err
	}
	there, err := w.job.Store.Stat(ctx, w.to)
	switch {
	case errors.Is(err, object.ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	case there.Metadata[mark] == recipe:
		w.headed.Destination, w.headed.Bytes, w.headed.Skipped = w.to.String(), there.Size, "its copy is there already"
		return true, nil
	case w.request.IfExists == existsSkip:
		w.headed.Destination, w.headed.Skipped = w.to.String(), "there is another object in its copy's place"
	case w.request.IfExists == existsFail:
		return false, fmt.Errorf("%w: %s", object.ErrExists, w.to)
	}
	return false, nil
}

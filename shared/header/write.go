package header

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/stagelift/stagelift/shared/object"
)

// abandoned is the age at which an upload to the same key is taken for one that
// a killed invocation left: more than the 15 minutes that Lambda grants one.
const abandoned = 20 * time.Minute

// write makes the copy and verifies it.
func (w *work) write(ctx context.Context, f *fitting) error {
	recipe, err := f.recipe()
	if err != nil {
		return err
	}
	options := f.options()
	options.Metadata[mark] = recipe
	if f.rewrites() {
		err = w.rewrite(ctx, f, options)
	} else {
		err = w.compose(ctx, f, options, recipe)
	}
	if errors.Is(err, object.ErrExists) && w.request.IfExists == existsSkip {
		w.headed.Destination, w.headed.Skipped = w.to.String(), "there is another object in its copy's place"
		return nil
	}
	return explain(err, w)
}

// compose lets S3 make the copy. What an invocation that was killed left of the
// same copy is removed first.
func (w *work) compose(ctx context.Context, f *fitting, o object.ComposeOptions, recipe string) error {
	segments, err := f.segments()
	if err != nil {
		return err
	}
	o.Expect, o.Keep = f.expected(segments[0].Bytes), w.keep
	if w.request.Continue.Recipe == recipe {
		o.Resume = w.request.Continue.Upload
	}
	if o.Resume == "" {
		if _, err := w.job.Store.AbortUploadsOf(ctx, w.to, w.job.abandoned); err != nil {
			return err
		}
	}
	result, err := w.job.Store.Compose(ctx, w.to, segments, o)
	if unfinished, ok := errors.AsType[*object.UnfinishedError](err); ok && unfinished.UploadID != "" {
		return &resumable{UnfinishedError: unfinished, recipe: recipe}
	}
	if err != nil {
		return err
	}
	w.headed.add(func(h *Headed) {
		h.Destination, h.Bytes, h.Parts = w.to.String(), result.Size, result.Parts
		h.Downloaded += result.Downloaded
		h.Uploaded, h.Copied = h.Uploaded+result.Uploaded, h.Copied+result.Copied
	})
	return w.verify(ctx, object.Result{Size: result.Size, ETag: result.ETag}, result.Checksum, o.Metadata[mark])
}

// resumable is an upload that ran out of time and was kept.
type resumable struct {
	*object.UnfinishedError
	recipe string
}

// verify looks at the copy as S3 has it now.
func (w *work) verify(ctx context.Context, made object.Result, sum object.Checksum, recipe string) error {
	got, err := w.job.Store.Stat(ctx, w.to)
	switch {
	case err != nil:
		return fmt.Errorf("verifying the copy: %w", err)
	case got.Metadata[mark] != recipe:
		return fmt.Errorf("verifying the copy: %w: another object is in its place by now", object.ErrChanged)
	case got.Size != made.Size:
		return fmt.Errorf("verifying the copy: %w: it has %d bytes, and %d were written", object.ErrCorrupt, got.Size, made.Size)
	case sum.Known() && got.Checksum.Known() && got.Checksum != sum:
		return fmt.Errorf("verifying the copy: %w: S3 has %s %s, and %s was written", object.ErrCorrupt, sum.Algorithm, got.Checksum.Value, sum.Value)
	}
	return nil
}

// after does to the sources what was asked for. The copy is verified by now.
func (w *work) after(ctx context.Context, slices []*slice) error {
	after := w.request.After
	if !after.Delete && after.Tag == (Tag{}) {
		return nil
	}
	for _, s := range slices {
		err := w.afterOne(ctx, s, after)
		switch {
		case errors.Is(err, object.ErrNotFound):
			continue // somebody else did
		case err != nil:
			return fmt.Errorf("its copy is made, but %w", err)
		}
	}
	w.headed.After = "deleted"
	if !after.Delete {
		w.headed.After = "tagged"
	}
	return nil
}

func (w *work) afterOne(ctx context.Context, s *slice, after After) error {
	if after.Delete {
		return w.job.Store.Delete(ctx, s.Location, s.attributes.ETag)
	}
	tags, err := w.job.Store.Tags(ctx, s.Location, s.attributes.VersionID)
	if err != nil {
		return err
	}
	if tags[after.Tag.Key] == after.Tag.Value && tags[after.Tag.Key] != "" {
		return nil
	}
	tags = maps.Clone(tags)
	tags[after.Tag.Key] = after.Tag.Value
	return w.job.Store.SetTags(ctx, s.Location, s.attributes.VersionID, tags)
}

package header

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/stagelift/stagelift/shared/object"
)

// work is one copy to be made, of one source or of several in order.
type work struct {
	job     *Job
	library *library
	request *Request
	sources []source
	merge   bool
	// manifest lists the sources, if they were asked for by one.
	manifest   *manifest
	manifestAt object.Location
	to         object.Location
	// skip says why nothing is to be done; empty as a rule.
	skip string
	// keep lets an upload that runs out of time be resumed.
	keep   bool
	headed tally
}

// tally is a Headed that several goroutines add to.
type tally struct {
	mu sync.Mutex
	Headed
}

func (t *tally) add(f func(*Headed)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f(&t.Headed)
}

// errReplaced is returned when a source was replaced while its copy was made; the
// copy is made anew then.
var errReplaced = errors.New("its source was replaced while the copy was made")

// tries is how often one copy is made anew.
const tries = 3

// looks is how many slices of a merge are looked at side by side, each for
// sliceStart bytes.
const (
	looks      = 16
	sliceStart = 4 << 10
)

// make makes the copy, unless it is there. What a source that was replaced
// meanwhile leaves behind is the copy of an older version; so it is made again.
// Whoever of several makes the last copy thus makes it of the last version.
func (w *work) make(ctx context.Context) (Headed, error) {
	started := time.Now()
	w.headed.Source, w.headed.Skipped = w.sources[0].String(), w.skip
	if w.skip != "" {
		return w.headed.Headed, nil
	}
	if w.merge {
		w.headed.Sources = len(w.sources)
	}
	var err error
	for range tries {
		if err = w.once(ctx); !errors.Is(err, errReplaced) {
			break
		}
	}
	w.headed.Seconds = time.Since(started).Seconds()
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, errOutOfTime) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	if err != nil {
		return w.headed.Headed, fmt.Errorf("giving %s its header: %w", w.name(), err)
	}
	return w.headed.Headed, nil
}

// name is what errors call the work.
func (w *work) name() string {
	if w.merge {
		return fmt.Sprintf("%s, of %d slices,", w.to, len(w.sources))
	}
	return w.sources[0].String()
}

func (w *work) once(ctx context.Context) error {
	slices, err := w.gather(ctx)
	if err != nil || w.headed.Skipped != "" {
		return err
	}
	copied, err := w.fitted(ctx, slices)
	if err != nil {
		return err
	}
	done, err := w.standing(ctx, copied)
	if err != nil || w.headed.Skipped != "" && !done {
		return err
	}
	if !done {
		if err := w.write(ctx, copied); err != nil || w.headed.Skipped != "" {
			return err
		}
		if err := w.unchanged(ctx, slices); err != nil {
			return err
		}
	}
	return w.after(ctx, slices)
}

// gather finds out what S3 knows of the sources. It sets Skipped where there is
// nothing to be done.
func (w *work) gather(ctx context.Context) ([]*slice, error) {
	slices := make([]*slice, len(w.sources))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(looks)
	for i, s := range w.sources {
		group.Go(func() (err error) {
			slices[i], err = w.stat(groupCtx, s)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, w.gone(ctx, err)
	}
	switch first := slices[0]; {
	case first.attributes.Metadata[mark] != "" && !w.merge:
		w.headed.Skipped = "it was written by this function"
	case first.isFolder() && !w.merge:
		w.headed.Skipped = "it stands for a folder"
	}
	return slices, nil
}

// gone tells a source that an earlier delivery copied and deleted from one that
// is missing.
func (w *work) gone(ctx context.Context, missing error) error {
	if !errors.Is(missing, object.ErrNotFound) || !w.request.After.Delete {
		return missing
	}
	copied, err := w.job.Store.Stat(ctx, w.to)
	if err != nil || copied.Metadata[mark] == "" {
		return missing
	}
	w.headed.Destination, w.headed.Skipped = w.to.String(), "its copy is there, and it was deleted"
	return nil
}

// fitted looks at the slices and fits the header to the first that has bytes.
func (w *work) fitted(ctx context.Context, slices []*slice) (*fitting, error) {
	first := slices[0]
	for _, s := range slices {
		if s.attributes.Size > 0 {
			first = s
			break
		}
	}
	c, err := w.library.columns(ctx, w, first.Location, first.attributes.Metadata)
	if err != nil {
		return nil, err
	}
	w.headed.Header = c.place
	if err := w.look(ctx, first, startBytes); err != nil {
		return nil, w.of(first, err)
	}
	f := &fitting{work: w, slices: slices, first: first, columns: c}
	if f.dialect, err = w.request.dialect(first.plain(), first.complete, len(c.names)); err != nil {
		return nil, w.of(first, err)
	}
	if f.line, err = c.line(f.dialect); err != nil {
		return nil, err
	}
	if int64(len(f.line))+2 > startBytes { // then more of the start must be seen
		if err := w.look(ctx, first, int64(len(f.line))+startBytes); err != nil {
			return nil, w.of(first, err)
		}
	}
	if err := f.fitAll(ctx); err != nil {
		return nil, err
	}
	if first.tags, err = w.job.Store.Tags(ctx, first.Location, first.attributes.VersionID); err != nil {
		return nil, err
	}
	return f, nil
}

// of names the slice that an error is about, where it is not clear.
func (w *work) of(s *slice, err error) error {
	if err == nil || !w.merge || strings.Contains(err.Error(), s.String()) {
		return err
	}
	return fmt.Errorf("%s: %w", s.Location, err)
}

// unchanged checks that the sources are still those that were copied.
func (w *work) unchanged(ctx context.Context, slices []*slice) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(looks)
	for _, s := range slices {
		group.Go(func() error {
			now, err := w.job.Store.Stat(ctx, s.Location)
			switch {
			case errors.Is(err, object.ErrNotFound):
				return nil // it was deleted; what it was is copied
			case err == nil && now.ETag != s.attributes.ETag:
				return fmt.Errorf("%w: %w", errReplaced, object.ErrChanged)
			}
			return err
		})
	}
	return group.Wait()
}

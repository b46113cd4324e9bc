package object

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
)

const (
	// lookLimit is for how long an outcome is looked for. What S3 has whole
	// appears within a second or so; a caller whose time is up has a few left.
	lookLimit = 5 * time.Second
	lookPause = time.Second
)

// attempts counts how often a request is sent.
type attempts int

func (a *attempts) count(o *s3.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		counter := middleware.FinalizeMiddlewareFunc("CountAttempts",
			func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
				*a++
				return next.HandleFinalize(ctx, in)
			})
		return stack.Finalize.Add(counter, middleware.After) // once it is signed
	})
}

// uncertain reports whether a request that failed with err may have done its
// work: S3 failed, or its answer was lost, that to an earlier attempt at least.
func (a attempts) uncertain(err error) bool {
	status := statusOf(err)
	return a > 1 || a == 1 && (status < http.StatusBadRequest || status >= http.StatusInternalServerError)
}

// wanted is what an object that was written is known by.
type wanted struct {
	size int64
	sum  Checksum
}

func (w wanted) is(a Attributes) bool {
	return w.sum.Known() && a.Size == w.size && a.Checksum == w.sum
}

// settle finds out whether a write that failed with err took place all the same,
// and returns nil if it did. An answer that names the condition was given after
// the fact. Otherwise the request may still be on its way, and is waited for.
func (s *Store) settle(ctx context.Context, l Location, want wanted, c condition, err error) (Attributes, error) {
	err = c.unmet(err)
	refused := errors.Is(err, ErrExists) || errors.Is(err, ErrChanged)
	var found Attributes
	written := false
	unseen := s.look(ctx, l, func(there Attributes, is bool) bool {
		found, written = there, is && want.is(there)
		refused = refused || is && c.refuses(there)
		return written || refused
	})
	switch {
	case written:
		return found, nil
	case refused:
		return Attributes{}, err
	}
	return Attributes{}, unsettled(err, unseen)
}

// settleDelete does the same for the deletion of the object with that ETag, or of
// any if that is empty.
func (s *Store) settleDelete(ctx context.Context, l Location, etag string, err error) error {
	deleted, changed := false, false
	unseen := s.look(ctx, l, func(there Attributes, is bool) bool {
		deleted, changed = !is, is && etag != "" && there.ETag != etag
		return deleted || changed
	})
	switch {
	case deleted:
		return nil
	case changed:
		return fmt.Errorf("%w: %w", ErrChanged, err)
	}
	return unsettled(err, unseen)
}

// unsettled says what was seen where nothing was decided. The look's own error is
// not one of the write.
func unsettled(err, unseen error) error {
	if unseen != nil {
		return fmt.Errorf("whether it was done could not be seen (%v): %w", unseen, err) //nolint:errorlint // see above
	}
	return fmt.Errorf("it was not done, but may still be: %w", err)
}

// look looks at l again and again until it has seen enough, on a context that
// lives on for a while. The error says that it could not see at all.
func (s *Store) look(ctx context.Context, l Location, enough func(there Attributes, is bool) bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.patience.look)
	defer cancel()
	pause := time.NewTicker(s.patience.pause)
	defer pause.Stop()
	for seen := false; ; seen = true {
		there, err := s.Stat(ctx, l)
		switch {
		case err == nil || errors.Is(err, ErrNotFound):
		case seen && ctx.Err() != nil:
			return nil
		default:
			return err
		}
		if enough(there, err == nil) {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-pause.C:
		}
	}
}

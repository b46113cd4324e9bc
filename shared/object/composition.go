package object

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// composition is one call of Compose under way.
type composition struct {
	store     *Store
	segments  []Segment
	plan      []PlannedPart
	options   ComposeOptions
	draft     draft
	condition condition
	// cut says that parts were given up while S3 had them in hand.
	cut atomic.Bool
}

const (
	// defaultConcurrency is how many parts are under way: S3 copies each at its
	// own pace, however large the function is.
	defaultConcurrency = 16
	// fetches is how many pieces of one part are downloaded side by side.
	fetches = 8
)

func (c *composition) build(ctx context.Context, dst Location) (Attributes, error) {
	if len(c.plan) == 0 {
		return c.put(ctx, dst, nil)
	}
	if len(c.plan) == 1 && !c.plan[0].Copy {
		pieces, release, err := c.fetch(ctx, c.plan[0])
		if err != nil {
			return Attributes{}, err
		}
		defer release()
		return c.put(ctx, dst, pieces)
	}
	u, err := c.begin(ctx, dst)
	if err != nil {
		return Attributes{}, err
	}
	a, err := c.assemble(ctx, u)
	switch {
	case err == nil:
		return a, nil
	case c.options.Resume != "" && isGone(err):
		// It was ended after it was looked at, or while it was.
		c.options.Resume = ""
		return c.build(ctx, dst)
	}
	return Attributes{}, c.leave(ctx, u, err)
}

// isGone reports whether an error says that an upload, or what it was begun with,
// is not there any more.
func isGone(err error) bool {
	switch codeOf(err) {
	case "NoSuchUpload", "InvalidRequest", "InvalidPart":
		return true
	}
	return false
}

// put stores the object with one request.
func (c *composition) put(ctx context.Context, dst Location, pieces [][]byte) (Attributes, error) {
	sum := crcAs(c.draft.sum, pieces...)
	if want, known := c.condition.sum.crc(); known && want.kind == sum.kind && want != sum {
		return Attributes{}, fmt.Errorf("%w: its bytes have %s %s, and %s was expected", ErrCorrupt, c.condition.sum.Algorithm, sum, want)
	}
	return c.store.put(ctx, dst, newBody(pieces...), sum, c.draft, c.condition)
}

// begin starts an upload, or goes on with the one that was kept.
func (c *composition) begin(ctx context.Context, dst Location) (*upload, error) {
	if c.options.Resume != "" {
		u := &upload{store: c.store, location: dst, id: c.options.Resume, kind: c.draft.sum, parts: map[int]part{}}
		if there, err := u.recall(ctx, c.sizes()); err != nil || there {
			return u, err
		}
	}
	return c.store.createUpload(ctx, dst, c.draft)
}

// sizes are those of the planned parts.
func (c *composition) sizes() []int64 {
	sizes := make([]int64, len(c.plan))
	for i, part := range c.plan {
		for _, p := range part.Pieces {
			sizes[i] += p.Length
		}
	}
	return sizes
}

// leave ends an upload that failed, or keeps it where that was asked for, and
// says how far it came if it ran out of time.
func (c *composition) leave(ctx context.Context, u *upload, err error) error {
	if ctx.Err() == nil {
		return errors.Join(err, c.abort(ctx, u))
	}
	unfinished := &UnfinishedError{Parts: len(c.plan), Err: err}
	unfinished.Done, unfinished.Bytes = u.done()
	for _, size := range c.sizes() {
		unfinished.Size += size
	}
	if c.options.Keep {
		unfinished.UploadID = u.id
		return unfinished
	}
	return errors.Join(unfinished, c.abort(ctx, u))
}

// abortAgain are the waits before an upload is aborted once more.
var abortAgain = []time.Duration{100 * time.Millisecond, 500 * time.Millisecond}

// abort ends the upload. A part that S3 has in hand may arrive after it and stay
// (S3 API reference, AbortMultipartUpload), so where parts were given up it is
// ended again, once they have had time to arrive.
func (c *composition) abort(ctx context.Context, u *upload) error {
	err := u.abort(ctx)
	for _, wait := range abortAgain {
		if err != nil || !c.cut.Load() {
			break
		}
		time.Sleep(wait)
		err = u.abort(ctx)
	}
	return err
}

// assemble stores all parts and completes the upload. No part is in flight when
// it returns.
func (c *composition) assemble(ctx context.Context, u *upload) (Attributes, error) {
	group, partCtx := errgroup.WithContext(ctx)
	group.SetLimit(c.options.Concurrency)
	if c.options.Concurrency <= 0 {
		group.SetLimit(defaultConcurrency)
	}
	for i, part := range c.plan {
		if partCtx.Err() != nil {
			break
		}
		if !u.has(i + 1) {
			group.Go(func() error {
				err := c.storePart(partCtx, u, i+1, part)
				if err != nil && partCtx.Err() != nil {
					c.cut.Store(true)
				}
				return err
			})
		}
	}
	if err := group.Wait(); err != nil {
		return Attributes{}, err
	}
	if err := ctx.Err(); err != nil {
		return Attributes{}, err
	}
	return u.complete(ctx, c.condition)
}

// storePart stores one part.
func (c *composition) storePart(ctx context.Context, u *upload, n int, part PlannedPart) error {
	if part.Copy {
		return u.copy(ctx, n, c.at(part.Pieces[0]))
	}
	pieces, release, err := c.fetch(ctx, part)
	if err != nil {
		return err
	}
	defer release()
	return u.put(ctx, n, newBody(pieces...), crcAs(u.kind, pieces...))
}

// at returns the segment that a piece is, in terms of its source.
func (c *composition) at(p Piece) Segment {
	segment := c.segments[p.Span]
	segment.Offset, segment.Length = segment.Offset+p.Offset, p.Length
	return segment
}

// fetch brings the pieces of a part into memory, which release gives back.
func (c *composition) fetch(ctx context.Context, part PlannedPart) (pieces [][]byte, release func(), err error) {
	var size int64
	for _, p := range part.Pieces {
		if !c.own(p) {
			size += p.Length
		}
	}
	var buffer []byte
	release = func() {}
	if size > 0 {
		if buffer, err = c.store.memory.take(ctx, size); err != nil {
			return nil, nil, err
		}
		release = func() { c.store.memory.give(buffer) }
	}
	if pieces, err = c.fill(ctx, part, buffer); err != nil {
		release()
		return nil, nil, err
	}
	return pieces, release, nil
}

func (c *composition) own(p Piece) bool { return c.segments[p.Span].Source == (Location{}) }

// fill downloads the pieces that are not our own into the buffer, one after the
// other in it, several at a time.
func (c *composition) fill(ctx context.Context, part PlannedPart, buffer []byte) ([][]byte, error) {
	pieces := make([][]byte, len(part.Pieces))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(fetches)
	for i, p := range part.Pieces {
		if c.own(p) {
			pieces[i] = c.segments[p.Span].Bytes[p.Offset : p.Offset+p.Length]
			continue
		}
		pieces[i], buffer = buffer[:p.Length], buffer[p.Length:]
		group.Go(func() error { return c.store.download(ctx, c.at(p), pieces[i]) })
	}
	return pieces, group.Wait()
}

func (s *Store) download(ctx context.Context, g Segment, into []byte) error {
	r, err := s.open(ctx, g.Source, OpenOptions{ETag: g.ETag, VersionID: g.VersionID, Offset: g.Offset, Length: g.Length})
	if err != nil {
		return at("reading", g.Source, asChanged(err))
	}
	defer func() { _ = r.Close() }()
	if _, err := io.ReadFull(r, into); err != nil {
		return at("reading", g.Source, err)
	}
	return nil
}

// account adds up what the plan moved.
func (c *composition) account(result *ComposeResult) {
	for _, part := range c.plan {
		for _, p := range part.Pieces {
			switch {
			case part.Copy:
				result.Copied += p.Length
				continue
			case !c.own(p):
				result.Downloaded += p.Length
			}
			result.Uploaded += p.Length
		}
	}
}

package object

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"
)

// Segment is a stretch of the object that Compose builds: own bytes, or a range
// of an object that exists.
type Segment struct {
	// Bytes are our own. Then nothing else is set.
	Bytes []byte

	// Source is the object that the range is taken from.
	Source Location
	// ETag and VersionID say which object it must be. One of them is needed.
	ETag, VersionID string
	// Offset and Length are the range, in bytes. The whole object is its size.
	Offset, Length int64
}

// ComposeOptions go with the object that is built. Nothing is inherited from the
// sources; the zero value sets nothing and replaces what is there.
type ComposeOptions struct {
	ContentType, ContentEncoding, ContentDisposition, ContentLanguage, CacheControl, StorageClass string

	Metadata, Tags map[string]string
	// IfAbsent makes it fail with ErrExists if the object exists by the end.
	IfAbsent bool
	// Concurrency is how many parts are under way at most; 0 means 4. Each that
	// is not copied takes its size in memory, 16 MiB as a rule.
	Concurrency int
}

// ComposeResult describes the object that was built, and what it took.
type ComposeResult struct {
	Size      int64
	ETag      string
	VersionID string
	// CRC32C is the checksum of the whole object in base64.
	CRC32C string
	// Parts is how many parts the object has; 1 for a single request.
	Parts int
	// Downloaded and Uploaded are the bytes that passed through here, Copied
	// those that stayed inside S3.
	Downloaded, Uploaded, Copied int64
}

// Compose builds the object dst from segments in a row. S3 copies what it can:
// only where its rules ask for larger parts than our bytes, or small sources,
// make up, a little is downloaded and sent again (see Plan).
//
// The object appears whole, or not at all. It is ErrChanged if a source is no
// longer the one that its segment names. Building the same object again is safe.
func (s *Store) Compose(ctx context.Context, dst Location, segments []Segment, o ComposeOptions) (ComposeResult, error) {
	result, err := s.compose(ctx, dst, segments, o)
	if err != nil {
		return ComposeResult{}, at("composing", dst, err)
	}
	return result, nil
}

func (s *Store) compose(ctx context.Context, dst Location, segments []Segment, o ComposeOptions) (ComposeResult, error) {
	spans := make([]Span, len(segments))
	for i, segment := range segments {
		if err := segment.check(); err != nil {
			return ComposeResult{}, fmt.Errorf("segment %d: %w", i, err)
		}
		spans[i] = segment.span()
	}
	plan, err := Plan(spans, s3Limits)
	if err != nil {
		return ComposeResult{}, err
	}
	c := composition{store: s, segments: segments, plan: plan, concurrency: o.Concurrency, condition: condition{absent: o.IfAbsent}, headers: headers{
		contentType: o.ContentType, contentEncoding: o.ContentEncoding, contentDisposition: o.ContentDisposition,
		contentLanguage: o.ContentLanguage, cacheControl: o.CacheControl, storageClass: o.StorageClass,
		metadata: o.Metadata, tags: o.Tags,
	}}
	a, err := c.build(ctx, dst)
	if err != nil {
		return ComposeResult{}, err
	}
	result := ComposeResult{Size: a.Size, ETag: a.ETag, VersionID: a.VersionID, CRC32C: a.CRC32C, Parts: max(1, len(plan))}
	c.account(&result)
	return result, nil
}

func (g Segment) check() error {
	source := g.Source != (Location{})
	switch {
	case source && g.Bytes != nil:
		return errors.New("it has both bytes and a source")
	case !source && (g.ETag != "" || g.VersionID != "" || g.Offset != 0 || g.Length != 0):
		return errors.New("it has a range but no source")
	case source && g.ETag == "" && g.VersionID == "":
		return fmt.Errorf("%s has neither ETag nor version, so that it could change while it is copied", g.Source)
	case g.Offset < 0 || g.Length < 0:
		return fmt.Errorf("%s has a range of %d bytes from %d", g.Source, g.Length, g.Offset)
	}
	return nil
}

func (g Segment) span() Span {
	if g.Source == (Location{}) {
		return Span{Length: int64(len(g.Bytes))}
	}
	return Span{Length: g.Length, Source: true, SourceSize: g.Offset + g.Length}
}

// composition is one call of Compose under way.
type composition struct {
	store       *Store
	segments    []Segment
	plan        []PlannedPart
	headers     headers
	condition   condition
	concurrency int
}

func (c *composition) build(ctx context.Context, dst Location) (Attributes, error) {
	if len(c.plan) == 0 {
		return c.store.put(ctx, dst, newBody(), 0, c.headers, c.condition)
	}
	if len(c.plan) == 1 && !c.plan[0].Copy {
		pieces, err := c.fetch(ctx, c.plan[0])
		if err != nil {
			return Attributes{}, err
		}
		return c.store.put(ctx, dst, newBody(pieces...), crcOf(pieces...), c.headers, c.condition)
	}
	u, err := c.store.createUpload(ctx, dst, c.headers)
	if err != nil {
		return Attributes{}, err
	}
	a, err := c.assemble(ctx, u)
	if err != nil {
		return Attributes{}, errors.Join(err, u.abort(ctx))
	}
	return a, nil
}

// assemble stores all parts and completes the upload. No part is in flight when
// it returns.
func (c *composition) assemble(ctx context.Context, u *upload) (Attributes, error) {
	group, partCtx := errgroup.WithContext(ctx)
	group.SetLimit(c.concurrency)
	if c.concurrency <= 0 {
		group.SetLimit(4)
	}
	for i, part := range c.plan {
		if partCtx.Err() != nil {
			break
		}
		group.Go(func() error { return c.storePart(partCtx, u, i+1, part) })
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
	pieces, err := c.fetch(ctx, part)
	if err != nil {
		return err
	}
	return u.put(ctx, n, newBody(pieces...), crcOf(pieces...))
}

// at returns the segment that a piece is, in terms of its source.
func (c *composition) at(p Piece) Segment {
	segment := c.segments[p.Span]
	segment.Offset, segment.Length = segment.Offset+p.Offset, p.Length
	return segment
}

// fetch brings the pieces of a part into memory.
func (c *composition) fetch(ctx context.Context, part PlannedPart) ([][]byte, error) {
	pieces := make([][]byte, len(part.Pieces))
	for i, p := range part.Pieces {
		if own := c.segments[p.Span].Bytes; own != nil {
			pieces[i] = own[p.Offset : p.Offset+p.Length]
			continue
		}
		var err error
		if pieces[i], err = c.store.download(ctx, c.at(p)); err != nil {
			return nil, err
		}
	}
	return pieces, nil
}

func (s *Store) download(ctx context.Context, g Segment) ([]byte, error) {
	r, err := s.open(ctx, g.Source, OpenOptions{ETag: g.ETag, VersionID: g.VersionID, Offset: g.Offset, Length: g.Length})
	if err != nil {
		return nil, at("reading", g.Source, asChanged(err))
	}
	defer func() { _ = r.Close() }()
	content := make([]byte, g.Length)
	if _, err := io.ReadFull(r, content); err != nil {
		return nil, at("reading", g.Source, err)
	}
	return content, nil
}

// account adds up what the plan moved.
func (c *composition) account(result *ComposeResult) {
	for _, part := range c.plan {
		for _, p := range part.Pieces {
			switch {
			case part.Copy:
				result.Copied += p.Length
				continue
			case c.segments[p.Span].Bytes == nil:
				result.Downloaded += p.Length
			}
			result.Uploaded += p.Length
		}
	}
}

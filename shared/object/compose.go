package object

import (
	"context"
	"errors"
	"fmt"
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
	// Size is the size of the source; 0 where it is not known. A source of
	// 5 MiB or less can be copied whole, and only if that is known to be so.
	Size int64
}

// whole reports whether the segment is all of its source.
func (g Segment) whole() bool { return g.Size > 0 && g.Offset == 0 && g.Length == g.Size }

// ComposeOptions go with the object that is built. Nothing is inherited from the
// sources; the zero value sets nothing and replaces what is there.
type ComposeOptions struct {
	Headers
	// Tags ask for the right s3:PutObjectTagging.
	Tags map[string]string
	// IfAbsent makes it fail with ErrExists if the object exists by the end.
	IfAbsent bool
	// Algorithm is of the checksum that the object keeps: CRC32C, CRC32 or
	// CRC64NVME; any other, and none, is CRC32C.
	Algorithm string
	// Expect, if it is known and of that algorithm, is the checksum that the
	// object must have; else the error is ErrCorrupt, and there is no object.
	Expect Checksum
	// Concurrency is how many parts are under way at most; 0 means 16. Those
	// that pass through here wait for memory, of which a Store has 20 MiB.
	Concurrency int
	// Keep leaves what S3 has of the object when the context ends, for Resume;
	// the error is an *UnfinishedError then, with the upload's id.
	Keep bool
	// Resume is the id of an upload that an earlier call kept. Parts that S3 has
	// are not stored again: the segments must be the same. An upload that is
	// gone is begun anew.
	Resume string
}

// ComposeResult describes the object that was built, and what it took.
type ComposeResult struct {
	Size      int64
	ETag      string
	VersionID string
	// CRC32C is the checksum of the whole object in base64; empty if another
	// algorithm was asked for.
	CRC32C string
	// Checksum is the checksum of the whole object.
	Checksum Checksum
	// Parts is how many parts the object has; 1 for a single request.
	Parts int
	// Downloaded and Uploaded are the bytes that passed through here, Copied
	// those that stayed inside S3.
	Downloaded, Uploaded, Copied int64
}

// UnfinishedError says how far a call came whose context ended.
type UnfinishedError struct {
	// UploadID is to be resumed; empty if nothing was kept.
	UploadID string
	// Done of Parts parts, Bytes of Size bytes, were stored.
	Done, Parts int
	Bytes, Size int64
	// Err is why it ended.
	Err error
}

func (e *UnfinishedError) Error() string {
	return fmt.Sprintf("stopped with %d of %d parts, %d of %d bytes stored: %v", e.Done, e.Parts, e.Bytes, e.Size, e.Err)
}

// Unwrap returns why it ended.
func (e *UnfinishedError) Unwrap() error { return e.Err }

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
	c := composition{store: s, segments: segments, plan: plan, options: o, draft: o.draft(), condition: condition{absent: o.IfAbsent, sum: o.Expect}}
	a, err := c.build(ctx, dst)
	if err != nil {
		return ComposeResult{}, err
	}
	result := ComposeResult{Size: a.Size, ETag: a.ETag, VersionID: a.VersionID, CRC32C: a.CRC32C, Checksum: a.Checksum, Parts: max(1, len(plan))}
	c.account(&result)
	return result, nil
}

func (o ComposeOptions) draft() draft {
	kind, _ := kindOf(o.Algorithm)
	return draft{Headers: o.Headers, tags: o.Tags, sum: kind}
}

func (g Segment) check() error {
	source := g.Source != (Location{})
	switch {
	case source && g.Bytes != nil:
		return errors.New("it has both bytes and a source")
	case !source && (g.ETag != "" || g.VersionID != "" || g.Offset != 0 || g.Length != 0 || g.Size != 0):
		return errors.New("it has a range but no source")
	case source && g.ETag == "" && g.VersionID == "":
		return fmt.Errorf("%s has neither ETag nor version, so that it could change while it is copied", g.Source)
	case g.Offset < 0 || g.Length < 0 || g.Size > 0 && g.Offset+g.Length > g.Size:
		return fmt.Errorf("%s has a range of %d bytes from %d", g.Source, g.Length, g.Offset)
	}
	return nil
}

func (g Segment) span() Span {
	if g.Source == (Location{}) {
		return Span{Length: int64(len(g.Bytes))}
	}
	return Span{Length: g.Length, Source: true, SourceSize: max(g.Size, g.Offset+g.Length), Whole: g.whole()}
}

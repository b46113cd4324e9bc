package object

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// abortLimit bounds the clean-up after a failure.
const abortLimit = 20 * time.Second

// upload is one multipart upload. Its parts may be stored from several
// goroutines; complete and abort come after all of them.
type upload struct {
	store    *Store
	location Location
	id       string
	kind     crcKind

	mu    sync.Mutex
	parts map[int]part
}

// part is a part that S3 has.
type part struct {
	etag string
	size int64
	// sum is only meaningful if S3 told it, which it need not for a copy.
	sum   crc
	known bool
}

// createUpload waits for S3's answer for abortLimit even if ctx ends meanwhile:
// an upload whose id nobody has heard cannot be ended.
func (s *Store) createUpload(ctx context.Context, l Location, d draft) (*upload, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	answered, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(abortLimit, cancel) })()
	out, err := s.client.CreateMultipartUpload(answered, d.create(l))
	if err != nil {
		return nil, errors.Join(ctx.Err(), err)
	}
	return &upload{store: s, location: l, id: aws.ToString(out.UploadId), kind: d.sum, parts: map[int]part{}}, nil
}

// put uploads our own bytes as part number n.
func (u *upload) put(ctx context.Context, n int, b *body, sum crc) error {
	fields := sum.told()
	out, err := u.store.client.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: &u.location.Bucket, Key: &u.location.Key, UploadId: &u.id, PartNumber: aws.Int32(int32(n)), //nolint:gosec // ≤ 10,000
		Body: b, ContentLength: aws.Int64(b.size),
		ChecksumAlgorithm: sum.kind.algorithm(),
		ChecksumCRC32C:    fields.crc32C, ChecksumCRC32: fields.crc32, ChecksumCRC64NVME: fields.crc64NVME,
	})
	if err != nil {
		return fmt.Errorf("uploading part %d: %w", n, err)
	}
	u.record(n, part{etag: aws.ToString(out.ETag), size: b.size, sum: sum, known: true})
	return nil
}

// copy lets S3 make part number n from a range of an object.
func (u *upload) copy(ctx context.Context, n int, from Segment) error {
	in := &s3.UploadPartCopyInput{
		Bucket: &u.location.Bucket, Key: &u.location.Key, UploadId: &u.id, PartNumber: aws.Int32(int32(n)), //nolint:gosec // ≤ 10,000
		CopySource:        aws.String(copySource(from.Source, from.VersionID)),
		CopySourceIfMatch: optional(from.ETag),
	}
	// A range asks for a source of more than 5 MiB, the whole of it does not.
	if !from.whole() || from.Length > s3Limits.MinCopySource {
		in.CopySourceRange = aws.String(byteRange(from.Offset, from.Length))
	}
	out, err := u.store.client.UploadPartCopy(ctx, in)
	if err != nil {
		return fmt.Errorf("copying part %d from %s: %w", n, from.Source, asChanged(err))
	}
	if out.CopyPartResult == nil {
		return fmt.Errorf("copying part %d from %s: the answer has no result", n, from.Source)
	}
	result := out.CopyPartResult
	sum, known := told{result.ChecksumCRC32C, result.ChecksumCRC32, result.ChecksumCRC64NVME}.as(u.kind)
	u.record(n, part{etag: aws.ToString(result.ETag), size: from.Length, sum: sum, known: known})
	return nil
}

// copySource names an object in a header: escaped, but for its slashes.
func copySource(l Location, versionID string) string {
	source := escapePath(l.Bucket + "/" + l.Key)
	if versionID != "" {
		source += "?versionId=" + escape(versionID)
	}
	return source
}

func (u *upload) record(n int, p part) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.parts[n] = p
}

// whole describes the object that the parts make up.
func (u *upload) whole() (list []types.CompletedPart, sum part) {
	sum.known, sum.sum.kind = true, u.kind
	for n := 1; n <= len(u.parts); n++ {
		p := u.parts[n]
		completed := types.CompletedPart{PartNumber: aws.Int32(int32(n)), ETag: aws.String(p.etag)}
		if p.known {
			fields := p.sum.told()
			completed.ChecksumCRC32C, completed.ChecksumCRC32, completed.ChecksumCRC64NVME = fields.crc32C, fields.crc32, fields.crc64NVME
		}
		list = append(list, completed)
		sum.size += p.size
		sum.sum = sum.sum.append(p.sum, p.size)
		sum.known = sum.known && p.known
	}
	return list, sum
}

// complete makes the object visible. S3 compares size and checksum before; the
// checksum is the one expected, where there is one, and else that of the parts.
func (u *upload) complete(ctx context.Context, c condition) (Attributes, error) {
	list, whole := u.whole()
	if want, known := c.sum.crc(); known && want.kind == u.kind {
		if whole.known && whole.sum != want {
			return Attributes{}, fmt.Errorf("%w: its parts have %s %s, and %s was expected", ErrCorrupt, c.sum.Algorithm, whole.sum, want)
		}
		whole.sum, whole.known = want, true
	}
	in := &s3.CompleteMultipartUploadInput{
		Bucket: &u.location.Bucket, Key: &u.location.Key, UploadId: &u.id,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: list},
		MpuObjectSize:   aws.Int64(whole.size),
		ChecksumType:    types.ChecksumTypeFullObject,
		IfNoneMatch:     c.ifNoneMatch(),
	}
	if whole.known {
		fields := whole.sum.told()
		in.ChecksumCRC32C, in.ChecksumCRC32, in.ChecksumCRC64NVME = fields.crc32C, fields.crc32, fields.crc64NVME
	}
	var sent attempts
	out, err := u.store.client.CompleteMultipartUpload(ctx, in, sent.count)
	if err != nil {
		return u.settle(ctx, whole, c, sent, fmt.Errorf("completing the upload: %w", err))
	}
	a := Attributes{Size: whole.size, ETag: aws.ToString(out.ETag), VersionID: aws.ToString(out.VersionId)}
	a.Checksum = told{out.ChecksumCRC32C, out.ChecksumCRC32, out.ChecksumCRC64NVME}.whole(out.ChecksumType)
	if !a.Checksum.Known() && whole.known {
		a.Checksum = checksum(whole.sum)
	}
	a.CRC32C = a.Checksum.crc32C()
	return a, nil
}

// settle finds out whether the upload was completed although S3 says that it
// failed. "No such upload" and "exists already" are what a repeated request
// hears when the answer to the first was lost.
func (u *upload) settle(ctx context.Context, whole part, c condition, sent attempts, err error) (Attributes, error) {
	if !whole.known || !sent.uncertain(err) {
		return Attributes{}, c.unmet(err)
	}
	found, err := u.store.settle(ctx, u.location, wanted{whole.size, checksum(whole.sum)}, c, err)
	if err == nil {
		// The object may be an older one with the same content; then the upload is
		// still there. A failure to end it leaves it to AbortUploads.
		_ = u.abort(ctx)
	}
	return found, err
}

// recall fills in the parts that S3 has of an upload that was begun before. It
// is false if there is no such upload any more.
func (u *upload) recall(ctx context.Context, sizes []int64) (bool, error) {
	pages := s3.NewListPartsPaginator(u.store.client, &s3.ListPartsInput{Bucket: &u.location.Bucket, Key: &u.location.Key, UploadId: &u.id})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if codeOf(err) == "NoSuchUpload" {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("listing the parts of the upload: %w", err)
		}
		for _, p := range page.Parts {
			n := int(aws.ToInt32(p.PartNumber))
			if n > len(sizes) || aws.ToInt64(p.Size) != sizes[n-1] {
				continue // it will be stored again
			}
			sum, known := told{p.ChecksumCRC32C, p.ChecksumCRC32, p.ChecksumCRC64NVME}.as(u.kind)
			u.record(n, part{etag: aws.ToString(p.ETag), size: sizes[n-1], sum: sum, known: known})
		}
	}
	return true, nil
}

func (u *upload) has(n int) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	_, has := u.parts[n]
	return has
}

// done returns how many parts S3 has, and their bytes.
func (u *upload) done() (parts int, bytes int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, p := range u.parts {
		bytes += p.size
	}
	return len(u.parts), bytes
}

// abort ends the upload, even if ctx has ended. No part may be in flight.
func (u *upload) abort(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortLimit)
	defer cancel()
	return u.store.abort(ctx, u.location, u.id)
}

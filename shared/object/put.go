package object

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// PutOptions go with an object. The zero value replaces what is there.
type PutOptions struct {
	Headers
	// Tags ask for the right s3:PutObjectTagging.
	Tags map[string]string
	// IfAbsent writes only if there is no object; else the error is ErrExists.
	IfAbsent bool
	// IfMatch writes only over the object with this ETag; else the error is
	// ErrChanged. Not together with IfAbsent.
	IfMatch string
}

// Put stores content as one object. Of several writers with IfAbsent one wins. The
// package says what an error means; with a condition that an object of the very
// same content does not meet, that object is ours only if a request was sent that
// may have written it.
func (s *Store) Put(ctx context.Context, l Location, content []byte, o PutOptions) (Attributes, error) {
	if o.IfAbsent && o.IfMatch != "" {
		return Attributes{}, at("putting", l, errors.New("IfAbsent and IfMatch exclude each other"))
	}
	d := draft{Headers: o.Headers, tags: o.Tags}
	attributes, err := s.put(ctx, l, newBody(content), crcOf(content), d, condition{absent: o.IfAbsent, match: o.IfMatch})
	if err != nil {
		return Attributes{}, at("putting", l, err)
	}
	return attributes, nil
}

// condition is what must hold of the key for a write to take place.
type condition struct {
	absent bool
	match  string
	// sum, if known, is what the object must have.
	sum Checksum
}

func (c condition) ifNoneMatch() *string {
	if c.absent {
		return aws.String("*")
	}
	return nil
}

// unmet names what an answer of S3 says about the condition, if it does.
func (c condition) unmet(err error) error {
	switch {
	case c.absent && statusOf(err) == http.StatusPreconditionFailed:
		return fmt.Errorf("%w: %w", ErrExists, err)
	case c.match != "":
		return asChanged(err)
	}
	return err
}

// refuses reports whether a write could not take place over what is there.
func (c condition) refuses(there Attributes) bool {
	return c.absent || c.match != "" && there.ETag != c.match
}

func (s *Store) put(ctx context.Context, l Location, b *body, sum crc, d draft, c condition) (Attributes, error) {
	in := d.put(l)
	in.Body, in.ContentLength = b, aws.Int64(b.size)
	fields := sum.told()
	in.ChecksumAlgorithm = sum.kind.algorithm()
	in.ChecksumCRC32C, in.ChecksumCRC32, in.ChecksumCRC64NVME = fields.crc32C, fields.crc32, fields.crc64NVME
	in.IfNoneMatch, in.IfMatch = c.ifNoneMatch(), optional(c.match)
	var sent attempts
	out, err := s.client.PutObject(ctx, in, sent.count, retryConflicts)
	if err == nil {
		return Attributes{
			Size: b.size, ETag: aws.ToString(out.ETag), VersionID: aws.ToString(out.VersionId),
			CRC32C: checksum(sum).crc32C(), Checksum: checksum(sum), Headers: d.Headers,
		}, nil
	}
	if sent.uncertain(err) {
		return s.settle(ctx, l, wanted{b.size, checksum(sum)}, c, err)
	}
	return Attributes{}, c.unmet(err)
}

// retryConflicts sends a request again that met another write under way
// ("409 ConditionalRequestConflict", S3 User Guide, "conditional writes").
func retryConflicts(o *s3.Options) {
	o.Retryer = retry.AddWithErrorCodes(o.Retryer, "ConditionalRequestConflict")
}

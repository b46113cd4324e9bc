// Package object reads and writes S3 objects. It is the only package that
// speaks to S3.
//
// A [Writer] streams an object of unknown length in bounded memory; [Store.Put]
// stores one that is at hand; [Store.Compose] builds one from bytes of our own
// and ranges of objects that exist, which S3 copies by itself.
//
// Promised: an object appears whole or not at all, with a CRC-32C of all its
// bytes that S3 has checked. Bursts of 500 and 503 are ridden out. What is left of
// an upload that failed is removed before the error is returned.
//
// A connection that falls silent is given up, and the request is sent again over
// another: after 20 seconds without a byte of a body, 30 without an answer, 5
// minutes where S3 has work to do first. What moves is not cut, however slowly it
// does. A reader goes on where it was. When the caller's context ends, requests
// end at once, in the middle of a body too.
//
// A write, or a deletion, whose outcome was not heard ends in one truth all the
// same: because an answer was lost, or an earlier one was, because S3 failed, or
// because the context ended midway. What is there is looked at, for up to 5
// seconds after the context has ended as well. An object with the size and the
// checksum of what was to be written is a success, be it another writer's; its
// headers are not compared.
//
// Not promised: that an error means that nothing was written. A request that was
// given up may still be in S3's hands, and what is not there after 5 seconds may
// come later. The error says so then. To write the same again is safe. With a
// condition, the second call may then hear ErrExists or ErrChanged because of the
// first, which [Store.Stat] tells. Without one, what comes late replaces whatever
// was written meanwhile: a key that changes wants IfMatch.
//
// Neither that nothing is left where a process was killed, or where an upload's id
// was lost on its way: the upload stays, invisible but paid for; see
// [Store.AbortUploads].
//
// An endpoint of one's own (AWS_ENDPOINT_URL_S3, or the configuration's
// BaseEndpoint) is addressed with the bucket in the path.
package object

import (
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

var (
	// ErrNotFound is returned for an object that does not exist. S3 reports it
	// only to those who may list the bucket (s3:ListBucket); others see 403.
	ErrNotFound = errors.New("object not found")
	// ErrExists is returned when a write asked for an absent key and it is not.
	ErrExists = errors.New("object exists already")
	// ErrChanged is returned when an object is not, or no longer, the one that
	// its ETag or version named.
	ErrChanged = errors.New("object has changed")
	// ErrCorrupt is returned when what was to become an object has not the
	// checksum that was expected; there is no object then.
	ErrCorrupt = errors.New("checksum differs")
)

// Location is where an object lies.
type Location struct{ Bucket, Key string }

// String returns s3://bucket/key, the key as it is.
func (l Location) String() string { return "s3://" + l.Bucket + "/" + l.Key }

// Attributes are what S3 knows of an object.
type Attributes struct {
	// Size is in bytes.
	Size int64
	// ETag is quoted, as S3 gives and takes it.
	ETag string
	// VersionID is empty in a bucket without versioning.
	VersionID string
	// CRC32C is the checksum of the whole object in base64; empty where S3
	// keeps none, or another.
	CRC32C string
	// Checksum is the checksum of the whole object, of whichever algorithm; the
	// zero value where S3 keeps none of the whole.
	Checksum Checksum
	// Headers are empty where they are not set, or where S3 does not say.
	Headers
	// LastModified is S3's clock, in seconds.
	LastModified time.Time
}

// maxAttempts and maxBackoff make a request survive about half a minute of
// refusals, which is how long S3 may take to grow with a new load.
const (
	maxAttempts = 12
	maxBackoff  = 5 * time.Second
)

// Store reads and writes the objects of one account. Its methods may be called
// from several goroutines.
type Store struct {
	client   *s3.Client
	patience patience
	buffers  *Buffers
	memory   *memory
}

// New returns a store that works with cfg's credentials, region and endpoint.
// All Writers of the store share its buffers. cfg's own retryer is not used.
func New(cfg aws.Config) *Store { return newStore(cfg, s3Patience) }

func newStore(cfg aws.Config, p patience) *Store {
	client := s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = o.BaseEndpoint != nil
		o.Retryer = retry.NewStandard(func(r *retry.StandardOptions) {
			r.MaxAttempts, r.MaxBackoff = p.attempts, p.backoff
			// The default would stop retrying after a burst, which is when
			// retries are needed; each upload's own attempts bound them.
			r.RateLimiter = ratelimit.None
		})
		o.HTTPClient = watching(o.HTTPClient, p)
		// Checksums are set explicitly, so that they are computed once.
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		o.DisableLogOutputChecksumValidationSkipped = true
		o.APIOptions = append(o.APIOptions, unsignedBodies)
	})
	return &Store{client: client, patience: p, buffers: NewBuffers(DefaultBufferSize, 0), memory: newMemory()}
}

// at puts the location in front of an error.
func at(doing string, l Location, err error) error {
	return fmt.Errorf("%s %s: %w", doing, l, err)
}

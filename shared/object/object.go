// Package object reads and writes S3 objects. It is the only package that
// speaks to S3.
//
// A [Writer] streams an object of unknown length in bounded memory; [Store.Put]
// stores one that is at hand; [Store.Compose] builds one from bytes of our own
// and ranges of objects that exist, which S3 copies by itself.
//
// Promised: an object appears whole or not at all, with a CRC-32C of all its
// bytes that S3 has checked. Bursts of 500 and 503 are ridden out. When an answer
// was lost and the request was sent again, the two outcomes are told apart by
// looking at what is there, so that our own success is not taken for somebody
// else's. What is left of an upload that failed is removed before the error is
// returned.
//
// Not promised: that an error means that nothing was written. When the answer to
// the last request of all is lost for good, the object may be there, whole. And
// a process that is killed leaves its multipart upload behind, invisible but
// paid for; see [Store.AbortUploads].
//
// An endpoint of one's own (AWS_ENDPOINT_URL_S3, or the configuration's
// BaseEndpoint) is addressed with the bucket in the path.
package object

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
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
	client  *s3.Client
	buffers *Buffers
	memory  *memory
}

// New returns a store that works with cfg's credentials, region and endpoint.
// All Writers of the store share its buffers. cfg's own retryer is not used.
func New(cfg aws.Config) *Store { return newStore(cfg, maxBackoff) }

func newStore(cfg aws.Config, backoff time.Duration) *Store {
	client := s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = o.BaseEndpoint != nil
		o.Retryer = retry.NewStandard(func(r *retry.StandardOptions) {
			r.MaxAttempts, r.MaxBackoff = maxAttempts, backoff
			// The default would stop retrying after a burst, which is when
			// retries are needed; each upload's own attempts bound them.
			r.RateLimiter = ratelimit.None
		})
		o.HTTPClient = withTransport(o.HTTPClient)
		// Checksums are set explicitly, so that they are computed once.
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		o.DisableLogOutputChecksumValidationSkipped = true
		o.APIOptions = append(o.APIOptions, unsignedBodies)
	})
	return &Store{client: client, buffers: NewBuffers(DefaultBufferSize, 0), memory: newMemory()}
}

// withTransport keeps the connections of all streams open between their parts;
// the default drops all but ten.
func withTransport(client s3.HTTPClient) s3.HTTPClient {
	buildable, ok := client.(*awshttp.BuildableClient)
	if client == nil {
		buildable, ok = awshttp.NewBuildableClient(), true
	}
	if !ok {
		return client
	}
	return buildable.WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConns, t.MaxIdleConnsPerHost = 256, 256
		t.WriteBufferSize = 64 << 10
	})
}

// at puts the location in front of an error.
func at(doing string, l Location, err error) error {
	return fmt.Errorf("%s %s: %w", doing, l, err)
}

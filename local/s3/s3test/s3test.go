// Package s3test gives tests a bucket on a real S3 server.
package s3test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/stagelift/stagelift/local/process"
	"github.com/stagelift/stagelift/local/s3"
)

const (
	accessKey = "s3testaccess"
	secretKey = "s3testsecret"
	region    = "eu-central-1"
)

// Bucket is a new bucket and the way to it.
type Bucket struct {
	// Name is the bucket's name.
	Name string
	// Endpoint is the server's URL.
	Endpoint string
	// Config has the endpoint, the region and credentials that are accepted.
	Config aws.Config
}

// binary is built once per process, and kept for the next.
var binary = sync.OnceValues(func() (string, error) {
	root, err := s3.Root()
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return s3.Build(context.Background(), root, filepath.Join(cache, "stagelift"))
})

// Binary returns the path of the server's binary, compiled when needed.
func Binary(t testing.TB) string {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Start returns a server of the test's own with an empty bucket. Both are gone
// when the test ends. onCreated may be nil (see s3.Options).
func Start(t testing.TB, onCreated func(bucket, key string)) Bucket {
	t.Helper()
	server, err := s3.Start(t.Context(), s3.Options{
		Binary: Binary(t), Dir: t.TempDir(), AccessKey: accessKey, SecretKey: secretKey, Region: region,
		Log: os.Stderr, OnCreated: onCreated,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Errorf("closing the S3 server: %v", err)
		}
	})
	return NewBucket(t, server.Endpoint())
}

// keeper keeps the group from being collected as garbage, and with it the
// directory that the server works in.
type keeper struct {
	*s3.Server
	*process.Group
}

// shared is the one server of a test binary. Nobody closes it: it ends with the
// binary, and the group's reaper removes its directory.
var shared = sync.OnceValues(func() (keeper, error) {
	path, err := binary()
	if err != nil {
		return keeper{}, err
	}
	group, err := process.NewGroup()
	if err != nil {
		return keeper{}, err
	}
	dir, err := group.TempDir("s3")
	if err != nil {
		return keeper{}, errors.Join(err, group.Close())
	}
	server, err := s3.Start(context.Background(), s3.Options{
		Binary: path, Dir: dir, AccessKey: accessKey, SecretKey: secretKey, Region: region, Log: os.Stderr,
	})
	if err != nil {
		return keeper{}, errors.Join(err, group.Close())
	}
	return keeper{server, group}, nil
})

// Other is the variable that names the endpoint of another S3 server, which is
// already running and takes the credentials of this package. Shared gives its
// buckets then; oracles/s3 says what each of several servers makes of the tests.
const Other = "STAGELIFT_S3"

// Shared returns an empty bucket on a server that all tests of the binary share.
func Shared(t testing.TB) Bucket {
	t.Helper()
	if endpoint := os.Getenv(Other); endpoint != "" {
		return NewBucket(t, endpoint)
	}
	kept, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return NewBucket(t, kept.Endpoint())
}

var buckets atomic.Int64

// NewBucket makes a bucket on the server at endpoint, which may be a door's. The
// server must have been started by this package.
func NewBucket(t testing.TB, endpoint string) Bucket {
	t.Helper()
	b := Bucket{Name: fmt.Sprintf("test-%d-%d", os.Getpid(), buckets.Add(1)), Endpoint: endpoint, Config: Config(endpoint)}
	in := &awss3.CreateBucketInput{
		Bucket: &b.Name, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: region},
	}
	if _, err := b.Client().CreateBucket(t.Context(), in); err != nil {
		t.Fatalf("creating bucket %s: %v", b.Name, err)
	}
	return b
}

// Config returns a configuration for a server that this package started,
// reached through endpoint.
func Config(endpoint string) aws.Config {
	return aws.Config{
		Region:       region,
		BaseEndpoint: aws.String(endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider(accessKey, secretKey, ""),
	}
}

// Client returns a plain S3 client, for what a test wants to do or see behind
// the back of what it tests.
func (b Bucket) Client() *awss3.Client {
	return awss3.NewFromConfig(b.Config, func(o *awss3.Options) { o.UsePathStyle = true })
}

// Credentials returns what the servers of this package accept and the region
// that requests must be signed for.
func Credentials() (access, secret, inRegion string) { return accessKey, secretKey, region }

package s3_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/s3"
	"github.com/stagelift/stagelift/local/s3/s3test"
)

// creations collects what OnCreated is told.
type creations struct {
	mu   sync.Mutex
	keys []string
	told chan struct{}
}

func newCreations() *creations { return &creations{told: make(chan struct{}, 1000)} }

func (c *creations) add(bucket, key string) {
	c.mu.Lock()
	c.keys = append(c.keys, bucket+"/"+key)
	c.mu.Unlock()
	c.told <- struct{}{}
}

// first waits until n creations were told.
func (c *creations) first(t *testing.T, n int) []string {
	t.Helper()
	for i := range n {
		select {
		case <-c.told:
		case <-time.After(10 * time.Second):
			t.Fatalf("told of %d creations, want %d", i, n)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.keys
}

func TestOnCreated(t *testing.T) {
	t.Parallel()

	t.Run("names each key as the client meant it, in order, once", func(t *testing.T) {
		t.Parallel()
		told := newCreations()
		bucket := s3test.Start(t, told.add)
		var want []string
		for i, name := range []string{
			"plain", "with space", "plus+plus", "per%25cent", "hundred%", "schön/ключ/鍵", `quo"te's`, "a&b=c?d#e", "~-_.*()!", "dot.",
		} {
			key := fmt.Sprintf("%d %s", i, name)
			put(t, bucket, key)
			want = append(want, bucket.Name+"/"+key)
		}
		if diff := cmp.Diff(want, told.first(t, len(want))); diff != "" {
			t.Errorf("creations (-want +got):\n%s", diff)
		}
	})

	t.Run("tells of copies and of completed uploads, not of parts, tags and refusals", func(t *testing.T) {
		t.Parallel()
		ctx := t.Context()
		told := newCreations()
		bucket := s3test.Start(t, told.add)
		client := bucket.Client()
		put(t, bucket, "put")
		_, err := client.PutObject(ctx, &awss3.PutObjectInput{
			Bucket: &bucket.Name, Key: aws.String("put"), Body: strings.NewReader("x"), IfNoneMatch: aws.String("*"),
		})
		if err == nil {
			t.Fatal("a conditional Put on an existing key was accepted")
		}
		_, err = client.PutObjectTagging(ctx, &awss3.PutObjectTaggingInput{
			Bucket: &bucket.Name, Key: aws.String("put"),
			Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}},
		})
		check(t, err)
		_, err = client.CopyObject(ctx, &awss3.CopyObjectInput{
			Bucket: &bucket.Name, Key: aws.String("copy"), CopySource: aws.String(bucket.Name + "/put"),
		})
		check(t, err)
		upload(t, bucket, "multipart")
		_, err = client.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: &bucket.Name, Key: aws.String("put")})
		check(t, err)
		put(t, bucket, "last")

		want := []string{bucket.Name + "/put", bucket.Name + "/copy", bucket.Name + "/multipart", bucket.Name + "/last"}
		if diff := cmp.Diff(want, told.first(t, len(want))); diff != "" {
			t.Errorf("creations (-want +got):\n%s", diff)
		}
	})

	t.Run("loses none of many concurrent creations and mixes none up", func(t *testing.T) {
		t.Parallel()
		const clients, each = 16, 25
		told := newCreations()
		bucket := s3test.Start(t, told.add)
		want := map[string]int{}
		var wait sync.WaitGroup
		for c := range clients {
			for i := range each {
				want[fmt.Sprintf("%s/%d/%s-%d", bucket.Name, c, strings.Repeat("k", c+1), i)] = 1
			}
			wait.Go(func() {
				for i := range each {
					put(t, bucket, fmt.Sprintf("%d/%s-%d", c, strings.Repeat("k", c+1), i))
				}
			})
		}
		wait.Wait()
		got := map[string]int{}
		for _, key := range told.first(t, clients*each) {
			got[key]++
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("creations (-want +got):\n%s", diff)
		}
	})
}

func put(t *testing.T, bucket s3test.Bucket, key string) {
	t.Helper()
	_, err := bucket.Client().PutObject(t.Context(), &awss3.PutObjectInput{
		Bucket: &bucket.Name, Key: &key, Body: strings.NewReader("content"),
	})
	check(t, err)
}

func upload(t *testing.T, bucket s3test.Bucket, key string) {
	t.Helper()
	client := bucket.Client()
	created, err := client.CreateMultipartUpload(t.Context(), &awss3.CreateMultipartUploadInput{Bucket: &bucket.Name, Key: &key})
	check(t, err)
	part, err := client.UploadPart(t.Context(), &awss3.UploadPartInput{
		Bucket: &bucket.Name, Key: &key, UploadId: created.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("part"),
	})
	check(t, err)
	var wait sync.WaitGroup
	for range 3 { // a client that lost the answer asks again
		wait.Go(func() {
			_, err := client.CompleteMultipartUpload(t.Context(), &awss3.CompleteMultipartUploadInput{
				Bucket: &bucket.Name, Key: &key, UploadId: created.UploadId,
				MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{ETag: part.ETag, PartNumber: aws.Int32(1)}}},
			})
			check(t, err)
		})
	}
	wait.Wait()
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func TestServer(t *testing.T) {
	t.Parallel()
	options := func(t *testing.T) s3.Options {
		return s3.Options{Binary: s3test.Binary(t), Dir: t.TempDir(), AccessKey: "access", SecretKey: "secretsecret"}
	}

	t.Run("is gone after Close, which may be called again", func(t *testing.T) {
		t.Parallel()
		server, err := s3.Start(t.Context(), options(t))
		if err != nil {
			t.Fatal(err)
		}
		check(t, server.Close())
		check(t, server.Close())
		<-server.Done()
		var dialer net.Dialer
		if conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(server.Endpoint(), "http://")); err == nil {
			_ = conn.Close()
			t.Error("something still listens on the server's port")
		}
	})

	t.Run("closes while its reports are not listened to", func(t *testing.T) {
		t.Parallel()
		release := make(chan struct{})
		told := make(chan struct{}, 10)
		o := options(t)
		o.OnCreated = func(string, string) { told <- struct{}{}; <-release }
		o.AccessKey, o.SecretKey, o.Region = s3test.Credentials()
		server, err := s3.Start(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		bucket := s3test.NewBucket(t, server.Endpoint())
		for i := range 5 {
			put(t, bucket, fmt.Sprint(i))
		}
		<-told
		closed := make(chan error)
		go func() { closed <- server.Close() }()
		<-server.Done()
		close(release)
		check(t, <-closed)
		if n := len(told); n > 1 {
			t.Errorf("told of %d more creations after the server had ended", n)
		}
	})

	t.Run("refuses a wrong secret", func(t *testing.T) {
		t.Parallel()
		bucket := s3test.Shared(t)
		bucket.Config.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			access, _, _ := s3test.Credentials()
			return aws.Credentials{AccessKeyID: access, SecretAccessKey: "another"}, nil
		})
		_, err := bucket.Client().ListObjectsV2(t.Context(), &awss3.ListObjectsV2Input{Bucket: &bucket.Name})
		if err == nil || !strings.Contains(err.Error(), "SignatureDoesNotMatch") {
			t.Errorf("listing with a wrong secret: %v, want SignatureDoesNotMatch", err)
		}
	})

	t.Run("says why it cannot start", func(t *testing.T) {
		t.Parallel()
		o := options(t)
		o.AccessKey = ""
		_, err := s3.Start(t.Context(), o)
		if err == nil || !strings.Contains(err.Error(), "root user access") {
			t.Errorf("starting without credentials: %v, want the server's own words", err)
		}
		o.Dir = "relative"
		if _, err = s3.Start(t.Context(), o); err == nil || !strings.Contains(err.Error(), "absolute") {
			t.Errorf("starting with a relative directory: %v, want it refused", err)
		}
	})

	t.Run("listens on loopback only", func(t *testing.T) {
		t.Parallel()
		cmd := exec.CommandContext(t.Context(), s3test.Binary(t), "-listen", "0.0.0.0:0", "-dir", t.TempDir())
		output, err := cmd.CombinedOutput()
		if err == nil || !bytes.Contains(output, []byte("loopback")) {
			t.Errorf("listening on every interface: %v, %s; want it refused", err, output)
		}
	})
}

// childVariable makes the test binary start a server, print its pid and wait.
const childVariable = "STAGELIFT_S3_TEST_CHILD"

func TestMain(m *testing.M) {
	if binary := os.Getenv(childVariable); binary != "" {
		server, err := s3.Start(context.Background(), s3.Options{
			Binary: binary, Dir: os.TempDir(), AccessKey: "access", SecretKey: "secretsecret",
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(server.Endpoint())
		select {}
	}
	os.Exit(m.Run())
}

func TestServerDiesWithItsParent(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), childVariable+"="+s3test.Binary(t), "TMPDIR="+t.TempDir())
	cmd.Stderr = os.Stderr
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	endpoint, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	// A connection that is open meanwhile tells the moment of the server's end.
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimSpace(strings.TrimPrefix(endpoint, "http://")))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	check(t, cmd.Process.Kill())
	_ = cmd.Wait()
	check(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	if _, err := conn.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the server outlived its parent, which was killed")
	} else if err == nil || !errors.Is(err, io.EOF) && !strings.Contains(err.Error(), "reset") {
		t.Errorf("reading from the server's connection: %v", err)
	}
}

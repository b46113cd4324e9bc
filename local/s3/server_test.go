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
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/s3"
	"github.com/stagelift/stagelift/local/s3/s3test"
)

func TestServer(t *testing.T) {
	t.Parallel()
	options := func(t *testing.T) s3.Options {
		t.Helper()
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

	// The backend took the whole source's checksum for that of a range.
	t.Run("computes the checksum of a copied range", func(t *testing.T) {
		t.Parallel()
		ctx := t.Context()
		bucket := s3test.Shared(t)
		client := bucket.Client()
		_, err := client.PutObject(ctx, &awss3.PutObjectInput{
			Bucket: &bucket.Name, Key: aws.String("source"), Body: strings.NewReader("0123456789"),
			ChecksumAlgorithm: types.ChecksumAlgorithmCrc32c,
		})
		check(t, err)
		created, err := client.CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{
			Bucket: &bucket.Name, Key: aws.String("copy"),
			ChecksumAlgorithm: types.ChecksumAlgorithmCrc32c, ChecksumType: types.ChecksumTypeFullObject,
		})
		check(t, err)
		part, err := client.UploadPartCopy(ctx, &awss3.UploadPartCopyInput{
			Bucket: &bucket.Name, Key: aws.String("copy"), UploadId: created.UploadId, PartNumber: aws.Int32(1),
			CopySource: aws.String(bucket.Name + "/source"), CopySourceRange: aws.String("bytes=1-9"),
		})
		if err != nil {
			t.Fatal(err)
		}
		// CRC-32C has a published check value for these nine digits.
		if diff := cmp.Diff("4waSgw==", aws.ToString(part.CopyPartResult.ChecksumCRC32C)); diff != "" {
			t.Errorf("checksum of 123456789 (-want +got):\n%s", diff)
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

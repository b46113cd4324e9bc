package s3_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

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

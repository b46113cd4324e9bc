package object

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/s3/door"
	"github.com/stagelift/stagelift/local/s3/s3test"
)

// stop ends a context when the nth request for an operation arrives.
func (b bundle) stop(operation string, n int) context.Context {
	ctx, cancel := context.WithCancel(b.t.Context())
	b.t.Cleanup(cancel)
	seen := on(operation, n-1, 1, cut)
	b.door.Fail(func(r *http.Request) *door.Failure {
		if f := seen(r); f != nil {
			cancel()
			return f
		}
		return nil
	})
	return ctx
}

func TestComposeIsResumed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var segments []Segment
	var want []byte
	for i := range 6 {
		content := random(6<<20 + i)
		l, a := b.place(fmt.Sprintf("slice %d", i), content)
		segments, want = append(segments, segment(l, a)), append(want, content...)
	}
	_, err := b.Compose(b.stop("UploadPartCopy", 4), b.at("out"), segments, ComposeOptions{Keep: true, Concurrency: 1})
	unfinished, ok := errors.AsType[*UnfinishedError](err)
	if !ok || unfinished.UploadID == "" || !errors.Is(err, context.Canceled) {
		t.Fatalf("composing: %v, want it unfinished", err)
	}
	b.door.Fail(nil)
	got := *unfinished
	got.UploadID, got.Err = "", nil
	if diff := cmp.Diff(UnfinishedError{Done: 3, Parts: 6, Bytes: 3*6<<20 + 3, Size: 6*6<<20 + 15}, got); diff != "" {
		t.Errorf("how far it came (-want +got):\n%s", diff)
	}
	b.door.Reset()
	if _, err := b.Compose(t.Context(), b.at("out"), segments, ComposeOptions{Resume: unfinished.UploadID}); err != nil {
		t.Fatal(err)
	}
	if n := b.door.Counts()["UploadPartCopy"].Requests; n != 3 {
		t.Errorf("%d parts were copied the second time, want 3", n)
	}
	b.same(b.at("out"), want)
	b.noUploads()

	t.Run("not kept unless asked for", func(t *testing.T) {
		b := b
		b.t = t
		_, err := b.Compose(b.stop("UploadPartCopy", 4), b.at("other"), segments, ComposeOptions{Concurrency: 1})
		if unfinished, ok := errors.AsType[*UnfinishedError](err); !ok || unfinished.UploadID != "" || unfinished.Done != 3 {
			t.Errorf("composing: %v", err)
		}
		b.door.Fail(nil)
		b.nothing(b.at("other"))
	})
	t.Run("anew when it is gone", func(t *testing.T) {
		b := b
		b.t = t
		// What S3 said of it when it was looked at no longer holds.
		b.door.Fail(on("ListParts", 0, 1, door.Failure{Status: 500, Done: true}))
		if _, err := b.Compose(t.Context(), b.at("third"), segments, ComposeOptions{Resume: unfinished.UploadID}); err != nil {
			t.Fatal(err)
		}
		b.same(b.at("third"), want)
	})
}

// Whichever checksum is asked for, the object has it; what is not as expected
// does not appear.
func TestComposeKeepsTheChecksumAskedFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, size := range []int{100, 12 << 20} {
		content := random(size)
		l, a := b.place(fmt.Sprint("in ", size), content)
		segments := []Segment{{Bytes: header}, segment(l, a)}
		for kind := range crcKinds {
			algorithm := string(kind.algorithm())
			out := b.at(fmt.Sprintf("%s %d", algorithm, size))
			want := ChecksumOf(algorithm, header).Append(ChecksumOf(algorithm, content), int64(size))
			result, err := b.Compose(t.Context(), out, segments, ComposeOptions{Algorithm: algorithm, Expect: want})
			if err != nil {
				t.Fatal(err)
			}
			found, err := b.Stat(t.Context(), out)
			if err != nil || found.Checksum != want || result.Checksum != want {
				t.Errorf("%s: %+v and %+v, %v; want %+v", out, found.Checksum, result.Checksum, err, want)
			}
			wrong := ChecksumOf(algorithm, content)
			_, err = b.Compose(t.Context(), b.at("wrong"), segments, ComposeOptions{Algorithm: algorithm, Expect: wrong})
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("%s: %v, want ErrCorrupt", algorithm, err)
			}
			b.nothing(b.at("wrong"))
		}
	}
}

func TestChecksumsThatAreNotOfOneAlgorithm(t *testing.T) {
	t.Parallel()
	a, b := ChecksumOf("CRC32C", []byte("a")), ChecksumOf("CRC32", []byte("b"))
	for name, got := range map[string]Checksum{
		"appended": a.Append(b, 1), "to none": a.Append(Checksum{}, 1), "of none": Checksum{}.Append(a, 1), "SHA256": ChecksumOf("SHA256", nil),
		"not a value": Checksum{"CRC32C", "?"}.Append(a, 1),
	} {
		if got.Known() {
			t.Errorf("%s: %+v, want none", name, got)
		}
	}
}

// Compositions at the same time share the memory of one.
func TestMemoryOfCompositionsIsShared(t *testing.T) {
	t.Parallel()
	m := newMemory()
	first, err := m.take(t.Context(), heldPart)
	if err != nil {
		t.Fatal(err)
	}
	second, err := m.take(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.take(ended, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("a third: %v, want to wait until the context ends", err)
	}
	m.give(first)
	m.give(second)
	large, err := m.take(t.Context(), 3*heldSum)
	if err != nil || len(large) != 3*heldSum {
		t.Errorf("one larger than all: %d bytes, %v", len(large), err)
	}
	m.give(large)
	if again, err := m.take(t.Context(), 5); err != nil || cap(again) != heldPart {
		t.Errorf("after all were given back: %d bytes, %v", cap(again), err)
	}
}

func TestDeleteAndTag(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l, a := b.place("a", []byte("x"))
	check(t, b.SetTags(t.Context(), l, "", map[string]string{"a b": "1+1=2", "c": ""}))
	tags, err := b.Tags(t.Context(), l, "")
	if diff := cmp.Diff(map[string]string{"a b": "1+1=2", "c": ""}, tags); err != nil || diff != "" {
		t.Errorf("tags, %v (-want +got):\n%s", err, diff)
	}
	b.place("a", []byte("y"))
	if err := b.Delete(t.Context(), l, a.ETag); !errors.Is(err, ErrChanged) {
		t.Errorf("deleting what was replaced: %v, want ErrChanged", err)
	}
	now, err := b.Stat(t.Context(), l)
	check(t, err)
	b.door.Fail(on("DeleteObject", 0, 1, lost))
	if err := b.Delete(t.Context(), l, now.ETag); err != nil {
		t.Errorf("deleting with an answer that is lost: %v", err)
	}
	if err := b.SetTags(t.Context(), l, "", nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("tagging what is gone: %v, want ErrNotFound", err)
	}
}

func TestListStopsAndGoesOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, key := range []string{"p/a", "p/b", "p/c+d", "q"} {
		b.place(key, []byte("xy"))
	}
	var got []Listed
	for o, err := range b.List(t.Context(), b.bucket, "p/", "p/a") {
		check(t, err)
		got = append(got, o)
	}
	if diff := cmp.Diff([]Listed{{"p/b", 2}, {"p/c+d", 2}}, got); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
	for _, err := range b.List(t.Context(), "no-such-bucket", "", "") {
		if Code(err) != "NoSuchBucket" {
			t.Errorf("listing: %v, want NoSuchBucket", err)
		}
	}
}

func TestUploadsOfOneKeyAreEnded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, key := range []string{"a", "a", "a.b"} {
		if _, err := b.createUpload(t.Context(), b.at(key), draft{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		olderThan time.Duration
		want      int
	}{{time.Hour, 0}, {-time.Hour, 2}, {-time.Hour, 0}} {
		if n, err := b.AbortUploadsOf(t.Context(), b.at("a"), step.olderThan); err != nil || n != step.want {
			t.Errorf("older than %s: %d ended, %v; want %d", step.olderThan, n, err, step.want)
		}
	}
}

// recorder answers every request as S3 would, and remembers their headers.
type recorder struct {
	mu      sync.Mutex
	headers map[string]http.Header
	queries map[string]string
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	_, _ = io.Copy(io.Discard, request.Body)
	operation := door.Operation(request)
	r.mu.Lock()
	r.headers[operation], r.queries[operation] = request.Header.Clone(), request.URL.RawQuery
	r.mu.Unlock()
	w.Header().Set("ETag", `"e"`)
	answer := map[string]string{
		"CreateMultipartUpload":   "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>",
		"UploadPartCopy":          "<CopyPartResult><ETag>e</ETag></CopyPartResult>",
		"CompleteMultipartUpload": "<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>",
	}[operation]
	switch operation {
	case "HeadObject":
		maps.Copy(w.Header(), http.Header{
			"Content-Length": {"12582912"}, "X-Amz-Version-Id": {"v1"}, "X-Amz-Server-Side-Encryption": {"aws:kms"},
			"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id": {"arn:key"}, "X-Amz-Server-Side-Encryption-Bucket-Key-Enabled": {"true"},
			"X-Amz-Checksum-Crc64nvme": {ChecksumOf("CRC64NVME").Value}, "X-Amz-Checksum-Type": {"FULL_OBJECT"},
		})
	case "GetObject":
		w.Header().Set("Content-Length", strconv.Itoa(5<<20-len(header)))
		w.WriteHeader(http.StatusPartialContent)
		_, _ = w.Write(make([]byte, 5<<20-len(header)))
	default:
		_, _ = io.WriteString(w, xml.Header+answer)
	}
}

// What the server of these tests does not know, the wire must show: encryption
// and storage class are asked for, and sources are pinned by version and ETag.
func TestComposeAsksForEncryptionAndVersion(t *testing.T) {
	t.Parallel()
	r := &recorder{headers: map[string]http.Header{}, queries: map[string]string{}}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	s := New(s3test.Config(server.URL))
	from := Location{"b", "in"}
	a, err := s.Stat(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Encryption{"aws:kms", "arn:key", true}, a.Encryption); diff != "" {
		t.Errorf("encryption (-want +got):\n%s", diff)
	}
	for to, segments := range map[string][]Segment{
		"large": {{Bytes: header}, segment(from, a)},
		"small": {{Bytes: bytes.Clone(header)}},
	} {
		_, err = s.Compose(t.Context(), Location{"b", to}, segments, ComposeOptions{
			Headers: Headers{Encryption: a.Encryption, StorageClass: "STANDARD_IA"}, Algorithm: a.Checksum.Algorithm,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]string{}
	for _, operation := range []string{"CreateMultipartUpload", "PutObject", "UploadPartCopy", "UploadPart"} {
		for _, name := range []string{
			"X-Amz-Server-Side-Encryption", "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id", "X-Amz-Server-Side-Encryption-Bucket-Key-Enabled",
			"X-Amz-Storage-Class", "X-Amz-Checksum-Algorithm", "X-Amz-Checksum-Type", "X-Amz-Copy-Source", "X-Amz-Copy-Source-If-Match",
		} {
			if value := r.headers[operation].Get(name); value != "" {
				got[operation+" "+name[6:]] = value
			}
		}
	}
	want := map[string]string{}
	for _, operation := range []string{"CreateMultipartUpload", "PutObject"} {
		want[operation+" Server-Side-Encryption"] = "aws:kms"
		want[operation+" Server-Side-Encryption-Aws-Kms-Key-Id"] = "arn:key"
		want[operation+" Server-Side-Encryption-Bucket-Key-Enabled"] = "true"
		want[operation+" Storage-Class"] = "STANDARD_IA"
	}
	want["CreateMultipartUpload Checksum-Algorithm"] = "CRC64NVME"
	want["CreateMultipartUpload Checksum-Type"] = "FULL_OBJECT"
	want["UploadPartCopy Copy-Source"] = "b/in?versionId=v1"
	want["UploadPartCopy Copy-Source-If-Match"] = a.ETag
	ignoreAlgorithms := cmp.FilterPath(func(p cmp.Path) bool {
		return p.Last().String() == `["UploadPart Checksum-Algorithm"]` || p.Last().String() == `["PutObject Checksum-Algorithm"]`
	}, cmp.Ignore())
	if diff := cmp.Diff(want, got, ignoreAlgorithms); diff != "" {
		t.Errorf("what was asked for (-want +got):\n%s", diff)
	}
}

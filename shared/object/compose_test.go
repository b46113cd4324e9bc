package object

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/stagelift/stagelift/local/s3/door"
)

var header = []byte("id,name,created\n")

// segment is a whole object.
func segment(l Location, a Attributes) Segment {
	return Segment{Source: l, ETag: a.ETag, VersionID: a.VersionID, Length: a.Size, Size: a.Size}
}

func TestComposePrepends(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	for size, want := range map[int]ComposeResult{
		0:         {Parts: 1, Uploaded: 16},
		1:         {Parts: 1, Downloaded: 1, Uploaded: 17},
		5*mib - 1: {Parts: 1, Downloaded: 5*mib - 1, Uploaded: 5*mib + 15},
		5 * mib:   {Parts: 1, Downloaded: 5 * mib, Uploaded: 5*mib + 16},
		5*mib + 1: {Parts: 2, Downloaded: 5*mib - 16, Uploaded: 5 * mib, Copied: 17},
		40 * mib:  {Parts: 2, Downloaded: 5*mib - 16, Uploaded: 5 * mib, Copied: 35*mib + 16},
	} {
		t.Run(fmt.Sprintf("to %d bytes", size), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			content := random(size)
			l, a := b.place("in", content)
			got, err := b.Compose(t.Context(), b.at("out"), []Segment{{Bytes: header}, segment(l, a)}, ComposeOptions{})
			if err != nil {
				t.Fatal(err)
			}
			b.same(b.at("out"), append(bytes.Clone(header), content...))
			want.Size, want.CRC32C, want.Checksum = int64(size+len(header)), crcOf(header, content).String(), checksum(crcOf(header, content))
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(ComposeResult{}, "ETag")); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			counts := b.door.Counts()
			if counts["GetObject"].Out != want.Downloaded {
				t.Errorf("%d bytes came through the door, want %d", counts["GetObject"].Out, want.Downloaded)
			}
			if in := counts["PutObject"].In + counts["UploadPart"].In; in != want.Uploaded {
				t.Errorf("%d bytes went through the door, want %d", in, want.Uploaded)
			}
			b.noUploads()
		})
	}
}

func TestComposeMerges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var segments []Segment
	var want []byte
	var sources int64
	for i, size := range []int{6 << 20, 100, 7 << 20, 5 << 20, 11 << 20, 0, 1} {
		content := random(size + i)[i:]
		l, a := b.place(fmt.Sprintf("slice %d", i), content)
		segments = append(segments, segment(l, a))
		want = append(want, content...)
		sources += a.Size
	}
	// A range from within, and our own bytes between and at the end.
	inner := segments[4]
	inner.Offset, inner.Length = 1<<20, 6<<20
	segments = append(segments, Segment{Bytes: []byte("-- separator --")}, inner, Segment{Bytes: []byte("end")})
	want = append(want, "-- separator --"...)
	want = append(want, b.content(inner.Source)[1<<20:7<<20]...)
	want = append(want, "end"...)
	sources += inner.Length

	got, err := b.Compose(t.Context(), b.at("out"), segments, ComposeOptions{Concurrency: 3})
	if err != nil {
		t.Fatal(err)
	}
	b.same(b.at("out"), want)
	// The second slice is too small, and its neighbours together cannot spare
	// what it lacks: the first is given up for it. The fourth is too small for a
	// range of it, and is copied whole. The separator lacks all but 16 bytes.
	least := int64(6<<20 + 100 + 5<<20 - 15)
	if got.Downloaded != least || got.Copied != sources-least {
		t.Errorf("downloaded %d and copied %d of %d bytes, want %d downloaded", got.Downloaded, got.Copied, sources, least)
	}
}

func TestCompose(t *testing.T) {
	t.Parallel()

	t.Run("sets what it is told to, in one request and in parts", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		o := ComposeOptions{
			Headers: Headers{
				ContentType: "text/csv", ContentEncoding: "identity", ContentDisposition: `attachment; filename="a b"`,
				ContentLanguage: "de", CacheControl: "no-store", StorageClass: "STANDARD",
				Metadata: map[string]string{"stagelift-headed": `"etag"`},
			},
			Tags: oddTags,
		}
		l, a := b.place("in", random(6<<20))
		tail := segment(l, a)
		tail.Length = 10
		for name, s := range map[string]Segment{"request": tail, "parts": segment(l, a)} {
			out := b.at(name)
			if _, err := b.Compose(t.Context(), out, []Segment{{Bytes: header}, s}, o); err != nil {
				t.Fatal(err)
			}
			got, err := b.Stat(t.Context(), out)
			check(t, err)
			if diff := cmp.Diff(o.Headers, got.Headers, cmpopts.IgnoreFields(Headers{}, "StorageClass")); diff != "" {
				t.Errorf("attributes of %s (-want +got):\n%s", name, diff)
			}
			b.tagged(out, oddTags)
		}
	})

	t.Run("takes any key for a source and a destination", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		content := random(6 << 20)
		for _, key := range oddKeys {
			l, a := b.place("in/"+key, content)
			if _, err := b.Compose(t.Context(), b.at("out/"+key), []Segment{{Bytes: header}, segment(l, a)}, ComposeOptions{}); err != nil {
				t.Errorf("composing from %s: %v", l, err)
				continue
			}
			b.same(b.at("out/"+key), append(bytes.Clone(header), content...))
		}
	})

	t.Run("survives refusals, broken connections and lost answers", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		content := random(12 << 20)
		l, a := b.place("in", content)
		b.door.Fail(both(
			on("CreateMultipartUpload", 0, 3, slowDown),
			on("GetObject", 0, 2, door.Failure{Cut: true, Done: true, CutAfter: 1 << 20}),
			on("UploadPartCopy", 0, 1, lost), on("UploadPartCopy", 0, 1, slowDown), on("UploadPartCopy", 0, 1, door.Failure{Status: 200, Done: true}),
			on("UploadPart", 0, 1, cutDone),
			on("CompleteMultipartUpload", 0, 1, lost), on("CompleteMultipartUpload", 0, 1, noUpload),
		))
		if _, err := b.Compose(t.Context(), b.at("out"), []Segment{{Bytes: header}, segment(l, a)}, ComposeOptions{}); err != nil {
			t.Fatal(err)
		}
		b.door.Fail(nil)
		b.same(b.at("out"), append(bytes.Clone(header), content...))
		b.noUploads()
	})

	t.Run("with IfAbsent refuses to replace", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		l, a := b.place("in", random(6<<20))
		b.place("out", []byte("there"))
		_, err := b.Compose(t.Context(), b.at("out"), []Segment{{Bytes: header}, segment(l, a)}, ComposeOptions{IfAbsent: true})
		if !errors.Is(err, ErrExists) {
			t.Errorf("composing: %v, want ErrExists", err)
		}
		b.noUploads()
	})

	t.Run("ends with its context", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		l, a := b.place("in", random(12<<20))
		ctx, cancel := context.WithCancel(t.Context())
		b.door.Fail(func(r *http.Request) *door.Failure {
			if door.Operation(r) == "UploadPartCopy" {
				cancel()
				return &cutDone
			}
			return nil
		})
		_, err := b.Compose(ctx, b.at("out"), []Segment{{Bytes: header}, segment(l, a)}, ComposeOptions{})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("composing: %v, want the context's end", err)
		}
		b.nothing(b.at("out"))
	})

	t.Run("leaves nothing behind when a part is denied", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		l, a := b.place("in", random(12<<20))
		b.door.Fail(on("UploadPartCopy", 0, 100, denied))
		_, err := b.Compose(t.Context(), b.at("out"), []Segment{{Bytes: header}, segment(l, a)}, ComposeOptions{})
		if codeOf(err) != "AccessDenied" {
			t.Errorf("composing: %v, want AccessDenied", err)
		}
		b.nothing(b.at("out"))
	})

	t.Run("refuses segments that are not clear", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for want, s := range map[string]Segment{
			"neither ETag nor version": {Source: b.at("in"), Length: 1},
			"both bytes and a source":  {Source: b.at("in"), ETag: "e", Length: 1, Bytes: []byte("x")},
			"a range but no source":    {Length: 1},
			"a range of -1 bytes":      {Source: b.at("in"), ETag: "e", Length: -1},
		} {
			_, err := b.Compose(t.Context(), b.at("out"), []Segment{{Bytes: header}, s}, ComposeOptions{})
			if err == nil || !strings.Contains(err.Error(), "segment 1: ") || !strings.Contains(err.Error(), want) {
				t.Errorf("composing: %v, want %q", err, want)
			}
		}
	})
}

package header

import (
	"bytes"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stagelift/stagelift/local/s3/door"
	"github.com/stagelift/stagelift/shared/object"
)

// What S3 refuses for good ends in an error that says what to do, and leaves
// neither a copy nor an upload.
func TestRefusalsOfS3AreExplained(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		operation string
		failure   door.Failure
		want      []string
	}{
		"the key of KMS on a copy": {
			"UploadPartCopy",
			door.Failure{Status: 400, Code: "KMS.DisabledException"},
			[]string{"the function's role needs kms:Decrypt on the source's key and kms:GenerateDataKey"},
		},
		"the key of KMS at the start": {
			"CreateMultipartUpload", door.Failure{Status: 403, Code: "KMS.AccessDeniedException"}, []string{"the key of KMS may not be used"},
		},
		"a right on the copy":  {"CreateMultipartUpload", door.Failure{Status: 403, Code: "AccessDenied"}, []string{"the function's role lacks a right on", "headed/a.csv"}},
		"a right on the parts": {"UploadPartCopy", door.Failure{Status: 403, Code: "AccessDenied"}, []string{"the function's role lacks a right on"}},
		"an archived source":   {"UploadPartCopy", door.Failure{Status: 403, Code: "InvalidObjectState"}, []string{"the source is archived; restore it first"}},
		"the tags":             {"GetObjectTagging", door.Failure{Status: 403, Code: "AccessDenied"}, []string{"reading the tags of"}},
		"old uploads":          {"ListMultipartUploads", door.Failure{Status: 403, Code: "AccessDenied"}, []string{"listing the unfinished uploads"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.put("unload/a.csv", rows(6*mib))
			b.door.Fail(fault(c.operation, c.failure))
			b.wantRefused(Request{Key: "unload/a.csv", Header: []string{"id"}}, "headed/a.csv", append(c.want, b.at("unload/a.csv").String())...)
		})
	}
}

func TestDestinationBucketIsMissing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, size := range map[string]int{"small": 10, "large": 6 * mib} {
		b.put("unload/"+name, rows(size))
		_, err := b.ask(Request{Key: "unload/" + name, Header: []string{"id"}, Destination: Destination{Bucket: "no-such-bucket"}})
		wantError(t, err, "no-such-bucket", "bucket does not exist")
	}
}

func TestSourceDeletedBeforeTheCopy(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.job.Handle(t.Context(), notification(b.job.Source.Bucket, "unload/gone.csv"))
	if !errors.Is(err, object.ErrNotFound) {
		t.Errorf("deleted before it was looked at: %v, want ErrNotFound", err)
	}
	b.put("unload/a.csv", rows(12*mib))
	b.door.Fail(onceBefore("UploadPartCopy", func() { b.remove("unload/a.csv") }))
	_, err = b.ask(Request{Key: "unload/a.csv", Header: []string{"id"}})
	if !errors.Is(err, object.ErrChanged) {
		t.Errorf("deleted before it was copied: %v, want ErrChanged", err)
	}
	b.wantNothing("headed/a.csv")
}

// Answers that are lost, late, or wrong in the body of a 200 do not change the
// copy.
func TestCopySurvivesWhatPasses(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]door.Failure{
		"a part copy that answers 200 with an error": {Status: 200, Code: "InternalError", Done: true},
		"throttling":              {Status: 503, Code: "SlowDown"},
		"an answer that is lost":  {Status: 500, Done: true},
		"a connection that broke": {Cut: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.put("unload/a.csv", rows(12*mib))
			var copies, completes atomic.Int64
			b.door.Fail(func(r *http.Request) *door.Failure {
				switch {
				case door.Operation(r) == "UploadPartCopy" && copies.Add(1) <= 2,
					door.Operation(r) == "CompleteMultipartUpload" && completes.Add(1) == 1:
					return &f
				}
				return nil
			})
			b.prepend(Request{Key: "unload/a.csv", Header: []string{"id"}})
			b.wantContent("headed/a.csv", "id\n", rows(12*mib))
			b.wantNoUploads()
		})
	}
}

// What a killed invocation leaves is invisible, and is ended by the next copy to
// the same key once it is old. Younger ones, and those to other keys, may live.
func TestUploadOfAKilledInvocationIsEnded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put("unload/a.csv", rows(12*mib))
	b.put("unload/a.csv.2", rows(12*mib))
	for _, key := range []string{"unload/a.csv", "unload/a.csv.2"} {
		// An invocation that can no longer end its upload.
		b.door.Fail(func(r *http.Request) *door.Failure {
			if operation := door.Operation(r); operation == "UploadPartCopy" || operation == "AbortMultipartUpload" {
				return &door.Failure{Status: 403, Code: "AccessDenied"}
			}
			return nil
		})
		if _, err := b.ask(Request{Key: key, Header: []string{"id"}}); err == nil {
			t.Fatal("no error")
		}
		b.door.Fail(nil)
	}
	left := func() int {
		uploads, err := b.store.Uploads(t.Context(), b.job.Source.Bucket, "")
		if err != nil {
			t.Fatal(err)
		}
		return len(uploads)
	}
	if n := left(); n != 2 {
		t.Fatalf("%d uploads are left, want 2", n)
	}
	if _, err := b.store.Stat(t.Context(), b.at("headed/a.csv")); !errors.Is(err, object.ErrNotFound) {
		t.Errorf("the copy is visible: %v", err)
	}
	b.prepend(Request{Key: "unload/a.csv", Header: []string{"id"}})
	if n := left(); n != 2 {
		t.Errorf("%d uploads are left by a copy a moment later, want 2", n)
	}
	b.remove("headed/a.csv")
	b.job.abandoned = 0
	b.prepend(Request{Key: "unload/a.csv", Header: []string{"id"}})
	if n := left(); n != 1 {
		t.Errorf("%d uploads are left, want that of the other key", n)
	}
}

// A copy that is not what its sources' checksums say is never seen.
func TestCopyWithAnotherChecksumIsNotMade(t *testing.T) {
	t.Parallel()
	b := setup(t)
	text := rows(12 * mib)
	b.put("unload/a.csv", text)
	wrong := func(a object.Attributes) object.Attributes {
		a.Checksum = object.ChecksumOf("CRC32C", bytes.ToUpper(text))
		return a
	}
	from := source{Location: b.at("unload/a.csv"), size: -1}
	w := &work{
		job: b.job, library: &library{store: b.job.Store, books: map[object.Location]*book{}},
		request: &Request{Header: []string{"id"}}, sources: []source{from}, to: b.at("headed/a.csv"),
	}
	s, err := w.stat(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	s.attributes = wrong(s.attributes)
	f, err := w.fitted(t.Context(), []*slice{s})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.write(t.Context(), f); !errors.Is(err, object.ErrCorrupt) {
		t.Errorf("error is %v, want ErrCorrupt", err)
	}
	b.wantNothing("headed/a.csv")
}

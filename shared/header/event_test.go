package header

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/s3/door"
	"github.com/stagelift/stagelift/shared/metrics"
	"github.com/stagelift/stagelift/shared/object"
)

// destinations are those of what was made, in the answer's order.
func destinations(a Answer) (made []string) {
	for _, o := range a.Objects {
		if o.Skipped == "" {
			made = append(made, o.Destination)
		}
	}
	return made
}

// A manifest's own event, the slices' events and a second delivery of both, in
// any order, make each copy once.
func TestEveryCopyIsMadeOnce(t *testing.T) {
	t.Parallel()
	for name, order := range map[string][]string{
		"manifest first": {"p_manifest", "p_0000_part_00", "p_0001_part_00", "p_manifest"},
		"manifest last":  {"p_0001_part_00", "p_0000_part_00", "p_manifest", "p_0001_part_00"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			keys := b.slices("run", []byte("1,2\n"), []byte("3,4\n"))
			b.put("unload/run/p_manifest", b.manifestOf([]string{"id", "n"}, append(keys, keys[0])...))
			var made []string
			for _, key := range order {
				answer, err := b.job.Handle(t.Context(), notification(b.job.Source.Bucket, "unload/run/"+key))
				if err != nil {
					t.Fatal(err)
				}
				made = append(made, destinations(answer)...)
			}
			if len(made) != 2 {
				t.Errorf("copies made: %v, want each once", made)
			}
			b.wantContent("headed/run/p_0000_part_00", "id,n\n", []byte("1,2\n"))
			b.wantContent("headed/run/p_0001_part_00", "id,n\n", []byte("3,4\n"))
		})
	}
	t.Run("in one event", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		keys := b.slices("run", []byte("1,2\n"), []byte("3,4\n"))
		b.put("unload/run/manifest", b.manifestOf([]string{"id", "n"}, keys...))
		answer, err := b.job.Handle(t.Context(), notification(b.job.Source.Bucket, keys[0], "unload/run/manifest", keys[0]))
		if err != nil || len(answer.Objects) != 2 {
			t.Errorf("answer %+v, %v; want two objects", answer, err)
		}
	})
}

// With the option to merge, slices wait for their manifest, whose event makes one
// object of them.
func TestEventOfAManifestMerges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.job.Options.Merge = true
	keys := b.slices("run", []byte("1,2\n"), []byte("3,4\n"))
	b.put("unload/run/p_manifest", b.manifestOf([]string{"id", "n"}, keys...))
	for _, key := range append(keys, "unload/run/p_manifest") {
		answer, err := b.job.Handle(t.Context(), notification(b.job.Source.Bucket, key))
		if err != nil || len(answer.Objects) != 1 {
			t.Fatalf("%s: %+v, %v", key, answer, err)
		}
		if waits := strings.Contains(answer.Objects[0].Skipped, "waits for its manifest"); waits != strings.HasSuffix(key, "_00") {
			t.Errorf("%s: %+v", key, answer.Objects[0])
		}
	}
	b.wantContent("headed/run/p", "id,n\n", []byte("1,2\n3,4\n"))
	b.wantNothing("headed/run/p_0000_part_00")
}

func TestManifestOfOthersIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, c := range map[string]struct{ url, want string }{
		"bucket": {"s3://other/unload/a", "lists s3://other/unload/a, in another bucket"},
		"prefix": {"s3://" + b.job.Source.Bucket + "/secret/a", "not below s3://" + b.job.Source.Bucket + "/unload/"},
	} {
		b.put("unload/"+name+"/manifest", []byte(`{"entries":[{"url":"`+c.url+`"}],"schema":{"elements":[{"name":"id"}]}}`))
		b.job.Options.Destination.Key = "{prefix}{name}"
		_, err := b.job.Handle(t.Context(), notification(b.job.Source.Bucket, "unload/"+name+"/manifest"))
		wantError(t, err, c.want)
	}
}

// What is named like a manifest and is data is data.
func TestDataNamedLikeAManifestIsData(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put("unload/cargo-manifest", []byte("1,2\n"))
	b.prepend(Request{Key: "unload/cargo-manifest", Header: []string{"id", "n"}})
	b.wantContent("headed/cargo-manifest", "id,n\n", []byte("1,2\n"))
}

// A late event of an older version makes the copy of the present one.
func TestLastVersionWins(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put("unload/_header", []byte("id,n\n"))
	event := notification(b.job.Source.Bucket, "unload/a.csv")
	for _, text := range []string{"1,2\n", "3,4\n", "3,4\n"} {
		b.put("unload/a.csv", []byte(text))
		if _, err := b.job.Handle(t.Context(), event); err != nil {
			t.Fatal(err)
		}
		b.wantContent("headed/a.csv", "id,n\n", []byte(text))
	}
	// The first invocation is overtaken by the second, which sees a newer source.
	b.put("unload/a.csv", []byte("5,6\n"))
	b.door.Fail(onceBefore("PutObject", func() {
		b.put("unload/a.csv", []byte("7,8\n"))
		if _, err := b.job.Handle(t.Context(), event); err != nil {
			t.Error(err)
		}
	}))
	if _, err := b.job.Handle(t.Context(), event); err != nil {
		t.Fatal(err)
	}
	b.wantContent("headed/a.csv", "id,n\n", []byte("7,8\n"))
}

func TestOtherObjectInTheCopysPlace(t *testing.T) {
	t.Parallel()
	for ifExists, want := range map[string]string{"": "id,n\n1,2\n", "replace": "id,n\n1,2\n", "skip": "mine", "fail": "mine"} {
		t.Run(ifExists, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.put("unload/a.csv", []byte("1,2\n"))
			r := Request{Key: "unload/a.csv", Header: []string{"id", "n"}, IfExists: ifExists}
			b.put("headed/a.csv", []byte("mine"))
			answer, err := b.ask(r)
			switch {
			case ifExists == "fail":
				if !errors.Is(err, object.ErrExists) {
					t.Errorf("error is %v, want ErrExists", err)
				}
			case err != nil || (ifExists == "skip") != (answer.Objects[0].Skipped != ""):
				t.Errorf("answer %+v, %v", answer, err)
			}
			b.wantContent("headed/a.csv", "", []byte(want))
			b.remove("headed/a.csv")
			// Somebody else is faster.
			b.door.Fail(onceBefore("PutObject", func() { b.put("headed/a.csv", []byte("mine")) }))
			_, err = b.ask(r)
			if (ifExists == "fail") != errors.Is(err, object.ErrExists) {
				t.Errorf("error is %v", err)
			}
			b.wantContent("headed/a.csv", "", []byte(want))
			b.remove("headed/a.csv")
			b.door.Fail(nil)
			for range 2 { // our own copy is no other object
				if _, err := b.ask(r); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestSourceIsDeletedOnceItsCopyIsThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.job.Options.After.Delete = true
	b.put("unload/a.csv", []byte("1,2\n"))
	b.put("unload/_header", []byte("id,n\n"))
	event := notification(b.job.Source.Bucket, "unload/a.csv")
	for i, want := range []Headed{{After: "deleted"}, {Skipped: "its copy is there, and it was deleted"}} {
		answer, err := b.job.Handle(t.Context(), event)
		if err != nil {
			t.Fatal(err)
		}
		if got := answer.Objects[0]; got.After != want.After || got.Skipped != want.Skipped {
			t.Errorf("delivery %d: %+v", i+1, got)
		}
	}
	b.wantContent("headed/a.csv", "id,n\n", []byte("1,2\n"))
	if _, err := b.store.Stat(t.Context(), b.at("unload/a.csv")); !errors.Is(err, object.ErrNotFound) {
		t.Errorf("the source is there: %v", err)
	}
	t.Run("not when it failed", func(t *testing.T) {
		b := b.on(t)
		b.put("unload/b.csv", []byte("1,2\n"))
		b.door.Fail(fault("PutObject", door.Failure{Status: 403, Code: "AccessDenied"}))
		defer b.door.Fail(nil)
		b.wantRefused(Request{Key: "unload/b.csv", After: After{Delete: true}}, "headed/b.csv", "AccessDenied")
		b.wantContent("unload/b.csv", "", []byte("1,2\n"))
	})
	t.Run("not when its copy is another object", func(t *testing.T) {
		b := b.on(t)
		b.put("unload/c.csv", []byte("1,2\n"))
		b.put("headed/c.csv", []byte("mine"))
		b.prepend(Request{Key: "unload/c.csv", IfExists: "skip", After: After{Delete: true}})
		b.wantContent("unload/c.csv", "", []byte("1,2\n"))
	})
	t.Run("not when it was replaced", func(t *testing.T) {
		b := b.on(t)
		b.put("unload/d.csv", []byte("1,2\n"))
		b.door.Fail(onceBefore("DeleteObject", func() { b.put("unload/d.csv", []byte("3,4\n")) }))
		defer b.door.Fail(nil)
		_, err := b.ask(Request{Key: "unload/d.csv", After: After{Delete: true}})
		if !errors.Is(err, object.ErrChanged) {
			t.Errorf("error is %v, want ErrChanged", err)
		}
		b.wantContent("unload/d.csv", "", []byte("3,4\n"))
	})
	t.Run("the next time, if deleting failed", func(t *testing.T) {
		b := b.on(t)
		b.put("unload/e.csv", []byte("1,2\n"))
		b.door.Fail(fault("DeleteObject", door.Failure{Status: 403, Code: "AccessDenied"}))
		_, err := b.ask(Request{Key: "unload/e.csv", After: After{Delete: true}})
		wantError(t, err, "its copy is made, but deleting")
		b.door.Fail(nil)
		if headed := b.prepend(Request{Key: "unload/e.csv", After: After{Delete: true}}); headed.After != "deleted" || headed.Skipped == "" {
			t.Errorf("%+v", headed)
		}
	})
}

func TestSourceIsTaggedOnceItsCopyIsThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put("unload/a.csv", []byte("1,2\n"))
	if err := b.store.SetTags(t.Context(), b.at("unload/a.csv"), "", map[string]string{"team": "sales"}); err != nil {
		t.Fatal(err)
	}
	r := Request{Key: "unload/a.csv", Header: []string{"id", "n"}, After: After{Tag: Tag{"headed", "yes"}}}
	for i, skipped := range []bool{false, true} {
		if headed := b.prepend(r); headed.After != "tagged" || (headed.Skipped != "") != skipped {
			t.Errorf("request %d: %+v", i+1, headed)
		}
	}
	for key, want := range map[string]map[string]string{
		"unload/a.csv": {"team": "sales", "headed": "yes"}, "headed/a.csv": {"team": "sales"},
	} {
		got, err := b.store.Tags(t.Context(), b.at(key), "")
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("tags of %s, %v (-want +got):\n%s", key, err, diff)
		}
	}
}

func TestListAndPrefix(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put("unload/_header", []byte("id,n\n"))
	for _, key := range []string{"run/a", "run/b", "run/sub/c", "run/_header", "run/x_manifest", "other"} {
		b.put("unload/"+key, []byte("id,n\n"))
	}
	answer, err := b.ask(Request{Prefix: "unload/run/", Destination: Destination{Key: "{prefix}flat-{name}.csv"}})
	if err != nil {
		t.Fatal(err)
	}
	made := destinations(answer)
	want := []string{b.at("headed/flat-a.csv").String(), b.at("headed/flat-b.csv").String(), b.at("headed/flat-c.csv").String()}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Errorf("made of the prefix (-want +got):\n%s", diff)
	}
	answer, err = b.ask(Request{Keys: []string{"unload/run/b", "unload/other", "unload/run/b"}})
	made = destinations(answer)
	if diff := cmp.Diff([]string{b.at("headed/run/b").String(), b.at("headed/other").String()}, made); err != nil || diff != "" {
		t.Errorf("made of the list, %v (-want +got):\n%s", err, diff)
	}
	b.wantRefused(Request{Keys: []string{"unload/run/a", "unload/run/sub/a"}, Destination: Destination{Key: "{prefix}{name}"}}, "headed/a",
		"would both be "+b.at("headed/a").String()+"; put {key} into destination.key")
	b.prepend(Request{Prefix: "unload/run/", Merge: true, Destination: Destination{Key: "merged/{name}.csv"}})
	b.wantContent("merged/run.csv", "id,n\n", nil)
}

// Time that runs out between objects leaves a request that goes on.
func TestTimeThatRunsOutIsContinued(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"manifest", "keys", "prefix"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			var contents [][]byte
			for i := range 40 {
				contents = append(contents, fmt.Appendf(nil, "%d,x\n", i))
			}
			keys := b.slices("run", contents...)
			b.put("unload/run/p_manifest", b.manifestOf([]string{"id", "n"}, keys...))
			request := map[string]*Request{
				"manifest": {Manifest: "unload/run/p_manifest"}, "keys": {Keys: keys}, "prefix": {Prefix: "unload/run/"},
			}[way]
			rounds := 0
			for ; request != nil; rounds++ {
				if rounds > 20 {
					t.Fatal("it never ends")
				}
				answer, err := b.askUntil(*request, "PutObject", 12)
				if err != nil {
					t.Fatal(err)
				}
				request = answer.Continuation
			}
			if rounds < 3 {
				t.Errorf("all was done in %d rounds, before time ran out", rounds)
			}
			for i, key := range keys {
				b.wantContent("headed"+key[len("unload"):], "id,n\n", contents[i])
			}
		})
	}
}

// askUntil sends a request whose time runs out when an operation is asked for the
// given time.
func (b *bundle) askUntil(r Request, operation string, times int64) (Answer, error) {
	b.Helper()
	ctx, cancel := context.WithDeadline(b.Context(), time.Now().Add(time.Hour))
	defer cancel()
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	var seen atomic.Int64
	b.door.Fail(func(r *http.Request) *door.Failure {
		if door.Operation(r) == operation && seen.Add(1) == times {
			end(errOutOfTime)
			return &door.Failure{Cut: true}
		}
		return nil
	})
	defer b.door.Fail(nil)
	r.Bucket = b.job.Source.Bucket
	payload, err := json.Marshal(r)
	if err != nil {
		b.Fatal(err)
	}
	return b.job.Handle(ctx, payload)
}

// A merge whose time runs out goes on with the parts that S3 has.
func TestMergeThatRunsOutOfTimeIsContinued(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var contents [][]byte
	for i := range 12 {
		contents = append(contents, append(bytes.Repeat([]byte{'a' + byte(i)}, 6*mib), '\n'))
	}
	keys := b.slices("run", contents...)
	request := &Request{Keys: keys, Merge: true, Header: []string{"id"}, Destination: Destination{Key: "merged/a"}}
	answer, err := b.askUntil(*request, "UploadPartCopy", 6)
	if err != nil || answer.Continuation == nil || answer.Continuation.Continue.Upload == "" {
		t.Fatalf("answer %+v, %v; want a continuation", answer, err)
	}
	b.door.Reset()
	answer, err = b.ask(*answer.Continuation)
	if err != nil || len(answer.Objects) != 1 {
		t.Fatalf("answer %+v, %v", answer, err)
	}
	if copies := b.door.Counts()["UploadPartCopy"].Requests; copies >= 11 || b.door.Counts()["CreateMultipartUpload"].Requests != 0 {
		t.Errorf("%d parts were copied the second time: %+v", copies, b.door.Counts())
	}
	b.wantContent("merged/a", "id\n", bytes.Join(contents, nil))

	t.Run("anew if it is gone", func(t *testing.T) {
		b := b.on(t)
		b.remove("merged/a")
		answer, err := b.askUntil(*request, "UploadPartCopy", 6)
		if err != nil || answer.Continuation == nil {
			t.Fatalf("answer %+v, %v; want a continuation", answer, err)
		}
		if _, err := b.store.AbortUploads(t.Context(), b.job.Source.Bucket, "", -time.Hour); err != nil {
			t.Fatal(err)
		}
		if _, err := b.ask(*answer.Continuation); err != nil {
			t.Fatal(err)
		}
		b.wantContent("merged/a", "id\n", bytes.Join(contents, nil))
	})
	t.Run("anew if a slice has changed", func(t *testing.T) {
		b := b.on(t)
		b.remove("merged/a")
		answer, err := b.askUntil(*request, "UploadPartCopy", 6)
		if err != nil || answer.Continuation == nil {
			t.Fatalf("answer %+v, %v; want a continuation", answer, err)
		}
		contents[3] = bytes.ToUpper(contents[3])
		b.put(keys[3], contents[3])
		b.job.abandoned = -time.Hour // so that the other upload counts as old
		if _, err := b.ask(*answer.Continuation); err != nil {
			t.Fatal(err)
		}
		b.wantContent("merged/a", "id\n", bytes.Join(contents, nil))
		b.wantNoUploads()
	})
}

func TestTimeThatRunsOutWithNothingDoneIsAnError(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put("unload/a.csv", []byte("1,2\n"))
	_, err := b.askUntil(Request{Key: "unload/a.csv", Header: []string{"id", "n"}}, "GetObject", 1)
	wantError(t, err, "out of time; allow the function more of it")
	b.wantNothing("headed/a.csv")
}

// One line of metrics tells of each invocation.
func TestMetricsAreWritten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var out bytes.Buffer
	b.job.Metrics = &metrics.Writer{Out: &out, Namespace: "Stagelift"}
	b.put("unload/a.csv", rows(6*mib))
	b.prepend(Request{Key: "unload/a.csv", Header: []string{"id"}})
	var line struct {
		ObjectsHeaded, ObjectsFailed, BytesCopied, BytesUploaded, Parts float64
	}
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if line.ObjectsHeaded != 1 || line.ObjectsFailed != 0 || line.Parts != 2 || line.BytesCopied+line.BytesUploaded != 6*mib+3 {
		t.Errorf("metrics: %+v of %s", line, out.String())
	}
}

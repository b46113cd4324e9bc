package header

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/s3/door"
)

// The job must not set itself off.
func TestDestinationBelowTheSourceIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		source, destination Place
		ok                  bool
	}{
		{Place{"b", "unload/"}, Place{"b", "headed/"}, true},
		{Place{"b", "unload/"}, Place{"b", "unload-headed/"}, true}, // not below unload/: the slash ends the prefix
		{Place{"b", "unload"}, Place{"b", "unload-headed/"}, false}, // without it, the event's filter takes both
		{Place{"b", "unload/"}, Place{"b", "unload/headed/"}, false},
		{Place{"b", "unload/"}, Place{"b", "unload/"}, false},
		{Place{"b", ""}, Place{"b", "headed/"}, false},
		{Place{"b", ""}, Place{"b", ""}, false},
		{Place{"b", "unload/raw/"}, Place{"b", "unload/"}, true}, // key by key, see below
		{Place{"b", "unload/"}, Place{"c", "unload/"}, true},
		{Place{"b", ""}, Place{"c", ""}, true},
		{Place{"", "unload/"}, Place{"b", "headed/"}, false},
		{Place{"b", "unload/"}, Place{"", "headed/"}, false},
	} {
		if _, err := New(Job{Source: c.source, Destination: c.destination}); (err == nil) != c.ok {
			t.Errorf("from %v to %v: %v, want it to be taken: %t", c.source, c.destination, err, c.ok)
		}
	}
}

func TestCopyAmongTheSourcesIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.job.Source.Prefix, b.job.Destination.Prefix = "unload/raw/", "unload/"
	b.put("unload/raw/raw/a.csv", []byte("1\n"))
	b.put("unload/raw/a.csv", []byte("2\n"))
	_, err := b.ask(Request{Key: "unload/raw/raw/a.csv", Header: []string{"id"}})
	wantError(t, err, "its copy would be s3://"+b.job.Source.Bucket+"/unload/raw/a.csv, among the objects that are read")
	b.wantContent("unload/raw/a.csv", "", []byte("2\n"))
	b.prepend(Request{Key: "unload/raw/a.csv", Header: []string{"id"}})
	b.wantContent("unload/a.csv", "id\n", []byte("2\n"))
}

func notification(bucket string, keys ...string) json.RawMessage {
	type object map[string]any
	var records []object
	for _, key := range keys {
		records = append(records, object{
			"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
			"s3": object{"bucket": object{"name": bucket}, "object": object{"key": url.QueryEscape(key)}},
		})
	}
	data, err := json.Marshal(object{"Records": records})
	if err != nil {
		panic(err)
	}
	return data
}

func TestEventIsAnswered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const key = "unload/a b+c/größe 100%.csv"
	b.put(key, []byte("1\n"))
	b.put("unload/a b+c/_header", []byte("id\n"))
	fromBridge, err := json.Marshal(map[string]any{
		"source": "aws.s3", "detail-type": "Object Created",
		"detail": map[string]any{"bucket": map[string]any{"name": b.job.Source.Bucket}, "object": map[string]any{"key": key}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, payload := range map[string]json.RawMessage{"notification": notification(b.job.Source.Bucket, key), "EventBridge": fromBridge} {
		b.remove("headed" + key[len("unload"):])
		answer, err := b.job.Handle(t.Context(), payload)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := Answer{Objects: []Headed{{
			Source: b.at(key).String(), Destination: b.at("headed" + key[len("unload"):]).String(), Bytes: 5, Downloaded: 2, Uploaded: 5, Parts: 1,
			Header: "object " + b.at("unload/a b+c/_header").String(),
		}}}
		answer.Objects[0].Seconds = 0
		if diff := cmp.Diff(want, answer); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		b.wantContent("headed"+key[len("unload"):], "id\n", []byte("1\n"))
	}
}

func TestRequestMayNameTheCopy(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put("elsewhere/a.csv", []byte("1\n"))
	request := fmt.Sprintf(`{"bucket":%q,"key":"elsewhere/a.csv","header":["id"],"destination":{"key":"other/b.csv"}}`, b.job.Source.Bucket)
	if _, err := b.job.Handle(t.Context(), json.RawMessage(request)); err != nil {
		t.Fatal(err)
	}
	b.wantContent("other/b.csv", "id\n", []byte("1\n"))
}

// What the job itself wrote, or reads, or what holds no data, is passed over.
func TestNothingIsDoneFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put("unload/_header", []byte("id\n"))
	b.put("unload/x/a.csv", []byte("1\n"))
	b.put("unload/x/_header", []byte("id\n"))
	b.prepend(Request{Key: "unload/x/a.csv", Destination: Destination{Key: "unload/headed.csv"}})
	b.put("unload/folder/", nil)
	for key, want := range map[string]string{
		"unload/_header":    "it is a header itself",
		"unload/x/_header":  "it is a header itself",
		"unload/headed.csv": "it was written by this function",
		"unload/folder/":    "it stands for a folder",
	} {
		answer, err := b.job.Handle(t.Context(), notification(b.job.Source.Bucket, key))
		if err != nil {
			t.Errorf("%s: %v", key, err)
			continue
		}
		answer.Objects[0].Seconds = 0
		if diff := cmp.Diff([]Headed{{Source: b.at(key).String(), Skipped: want}}, answer.Objects); diff != "" {
			t.Errorf("%s (-want +got):\n%s", key, diff)
		}
		b.wantNothing("headed" + key[len("unload"):])
	}
}

func TestRefusalsNameThePlace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	bucket := b.job.Source.Bucket
	b.put("unload/x/a.csv", []byte("1\n"))
	b.put("unload/empty/a.csv", []byte("1\n"))
	b.put("unload/empty/_header", []byte(" \n"))
	for name, c := range map[string]struct {
		payload json.RawMessage
		want    string
	}{
		"no header":            {notification(bucket, "unload/x/a.csv"), "giving s3://" + bucket + "/unload/x/a.csv its header: no header: the request lists none; there is no manifest s3://" + bucket + "/unload/x/manifest; there is no object s3://" + bucket + "/unload/x/_header; there is no object s3://" + bucket + "/unload/_header; its metadata has no stagelift-columns"},
		"empty header":         {notification(bucket, "unload/empty/a.csv"), "object s3://" + bucket + "/unload/empty/_header is empty"},
		"object is gone":       {notification(bucket, "unload/gone.csv"), "s3://" + bucket + "/unload/gone.csv: object not found"},
		"another prefix":       {notification(bucket, "other/a.csv"), "object s3://" + bucket + "/other/a.csv is not below s3://" + bucket + "/unload/"},
		"another bucket":       {notification("other", "unload/a.csv"), "object s3://other/unload/a.csv is not below"},
		"no destination":       {json.RawMessage(fmt.Sprintf(`{"bucket":%q,"key":"other/a.csv","header":["id"]}`, bucket)), "the request must give destination.key"},
		"onto itself":          {json.RawMessage(fmt.Sprintf(`{"bucket":%q,"key":"unload/x/a.csv","header":["id"],"destination":{"key":"unload/x/a.csv"}}`, bucket)), "the destination is the source itself"},
		"request without keys": {json.RawMessage(`{"header":["id"]}`), "bucket and key are both needed"},
		"unknown field":        {json.RawMessage(`{"bucket":"b","key":"k","headers":["id"]}`), `no field "headers"`},
	} {
		_, err := b.job.Handle(t.Context(), c.payload)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		wantError(t, err, c.want)
	}
	b.wantNothing("headed/x/a.csv")
	b.wantNothing("headed/empty/a.csv")
}

// One object without a header does not hold up the other.
func TestObjectsOfOneNotificationStandAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put("unload/bad/a.csv", []byte("1\n"))
	b.put("unload/good/a.csv", []byte("2\n"))
	b.put("unload/good/_header", []byte("id\n"))
	answer, err := b.job.Handle(t.Context(), notification(b.job.Source.Bucket, "unload/bad/a.csv", "unload/good/a.csv"))
	wantError(t, err, "unload/bad/_header")
	if len(answer.Objects) != 1 {
		t.Errorf("answer %+v", answer)
	}
	b.wantContent("headed/good/a.csv", "id\n", []byte("2\n"))
}

// A copy that takes longer than the invocation may run is ended, upload and
// all, while there is time to.
func TestCopyOutOfTimeLeavesNoUpload(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put("unload/a.csv", rows(12*mib))
	b.put("unload/_header", []byte("id\n"))
	b.door.Fail(func(r *http.Request) *door.Failure {
		if door.Operation(r) == "UploadPartCopy" {
			return &door.Failure{Delay: time.Hour}
		}
		return nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), closingTime+2*time.Second)
	defer cancel()
	_, err := b.job.Handle(ctx, notification(b.job.Source.Bucket, "unload/a.csv"))
	wantError(t, err, "giving s3://"+b.job.Source.Bucket+"/unload/a.csv its header: out of time")
	if ctx.Err() != nil {
		t.Error("it ended after its deadline")
	}
	b.wantNothing("headed/a.csv")
}

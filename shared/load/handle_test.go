package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stagelift/stagelift/shared/warehouse"
)

// One bad receipt does not hold up the other.
func TestReceiptsOfOneNotificationStandAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	bad, good := b.stage("bad", "1\n"), b.stage("good", "2\n", "3\n")
	b.put(bad.Parts[0].Key, []byte("7\n"))
	answer, err := b.job.Handle(t.Context(), b.notification(bad.key, good.key))
	wantError(t, err, "public.bad")
	if errors.Is(err, ErrTampered) != true || strings.Contains(err.Error(), "public.good") {
		t.Errorf("error is %v, want it to be of public.bad alone", err)
	}
	if len(answer.Loads) != 1 || answer.Loads[0].Receipt != good.key {
		t.Errorf("answer %+v", answer)
	}
	b.put(bad.Parts[0].Key, []byte("1\n"))
	if answer, err = b.job.Handle(t.Context(), b.notification(bad.key, good.key)); err != nil {
		t.Fatal(err)
	}
	if len(answer.Loads) != 2 || answer.Loads[0].State != warehouse.Loaded || answer.Loads[1].State != warehouse.AlreadyLoaded {
		t.Errorf("answer %+v", answer)
	}
}

func TestForeignObjectsAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := b.stage("orders", "1\n")
	for name, c := range map[string]struct{ payload, want string }{
		"another bucket":   {`{"bucket":"other","key":"` + s.key + `"}`, "not a receipt of bucket \"" + b.job.Bucket + `"`},
		"a part":           {string(b.notification(s.Parts[0].Key)), "not a key of the staging area"},
		"another prefix":   {string(b.notification(strings.TrimPrefix(s.key, "stage/"))), "not a key of the staging area"},
		"a receipt to be":  {string(b.notification(strings.Replace(s.key, "orders", "later", 1))), "object not found"},
		"no key":           {`{"bucket":"` + b.job.Bucket + `"}`, `key ""`},
		"an unknown field": {`{"bucket":"b","key":"k","force":true}`, `no field "force"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := b.job.Handle(t.Context(), json.RawMessage(c.payload))
			wantError(t, err, c.want)
		})
	}
	t.Cleanup(b.wantNothingLoaded)
}

func TestTestEventIsAnswered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	answer, err := b.job.Handle(t.Context(), json.RawMessage(`{"Service":"Amazon S3","Event":"s3:TestEvent"}`))
	if err != nil || answer.Loads == nil || len(answer.Loads) != 0 {
		t.Errorf("answer %+v, %v", answer, err)
	}
}

// A load that takes longer than the invocation may run ends an event's
// invocation with an error, and is a request's to go on with.
func TestLoadThatOutlastsItsInvocation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := b.stage("orders", "1\n")
	b.warehouse.wait = true
	ctx, cancel := context.WithTimeout(t.Context(), closingTime+time.Second)
	defer cancel()
	_, err := b.job.Handle(ctx, b.notification(s.key))
	wantError(t, err, "out of time", "the next delivery finds out")
	request := func(handle string) json.RawMessage {
		text, err := json.Marshal(Request{Bucket: b.job.Bucket, Key: s.key, Handle: handle})
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	answer, err := b.job.Handle(ctx, json.RawMessage(fmt.Sprintf(`{"bucket":%q,"key":%q}`, b.job.Bucket, s.key)))
	if err != nil || len(answer.Loads) != 1 || answer.Loads[0].State != warehouse.Running || answer.Loads[0].Handle != "handle-"+b.id(s) {
		t.Fatalf("answer %+v, %v", answer, err)
	}
	if ctx.Err() != nil {
		t.Error("it ended after its deadline")
	}
	b.warehouse.wait = false
	b.remove(s.Parts[0].Key) // it was looked at before it began
	answer, err = b.job.Handle(t.Context(), request(answer.Loads[0].Handle))
	if err != nil || answer.Loads[0].State != warehouse.Loaded || answer.Loads[0].Rows != 1 {
		t.Errorf("answer %+v, %v", answer, err)
	}
	_, err = b.job.Handle(t.Context(), request("handle-of-another"))
	wantError(t, err, "a handle of another load")
}

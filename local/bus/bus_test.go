package bus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/trigger"
)

type delivery struct {
	function string
	payload  string
	at       time.Time
}

type bundle struct {
	*Bus
	deliveries chan delivery
	log        *bytes.Buffer
}

// setup returns a bus whose objects are all 7 bytes long and whose one rule
// takes everything for "load". It must be called inside a synctest bubble.
func setup(t *testing.T, change ...func(*Options)) *bundle {
	t.Helper()
	b := &bundle{deliveries: make(chan delivery, 100), log: &bytes.Buffer{}}
	options := Options{
		Rules: []Rule{{Function: "load", Matches: everything}},
		Deliver: func(function string, payload []byte) error {
			b.deliveries <- delivery{function, string(payload), time.Now()}
			return nil
		},
		Stat: func(context.Context, string, string) (int64, string, string, error) {
			return 7, `"d41d8cd98f00b204e9800998ecf8427e"`, "", nil
		},
		Region: "eu-central-1", Account: "123456789012",
		Log: b.log,
	}
	for _, c := range change {
		c(&options)
	}
	b.Bus = New(options)
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func everything([]byte) (bool, error) { return true, nil }

// settle waits until the bus is idle and returns what it delivered.
func (b *bundle) settle(t *testing.T) []delivery {
	t.Helper()
	if err := b.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got []delivery
	for len(b.deliveries) > 0 {
		got = append(got, <-b.deliveries)
	}
	return got
}

func decode(t *testing.T, payload string) trigger.Object {
	t.Helper()
	event, err := trigger.Decode([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	if event.Kind != trigger.S3Event || len(event.Objects) != 1 {
		t.Fatalf("got %v with %d objects, want an event with one", event.Kind, len(event.Objects))
	}
	return event.Objects[0]
}

func TestObjectCreatedTellsTheObject(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, func(o *Options) {
			o.Stat = func(_ context.Context, bucket, key string) (int64, string, string, error) {
				if bucket != "stage" || key != "a b/ü+1.csv" {
					return 0, "", "", fmt.Errorf("asked for %s/%s", bucket, key)
				}
				return 5 << 40, `"0123456789abcdef0123456789abcdef-12"`, "v1", nil
			}
		})
		b.ObjectCreated("stage", "a b/ü+1.csv")
		got := b.settle(t)
		if len(got) != 1 || got[0].function != "load" {
			t.Fatalf("delivered %+v, want one to load; log: %s", got, b.log)
		}
		object := decode(t, got[0].payload)
		if len(object.Sequencer) != 16 {
			t.Errorf("sequencer %q, want 16 digits", object.Sequencer)
		}
		object.Sequencer = ""
		want := trigger.Object{
			Bucket: "stage", Key: "a b/ü+1.csv", Size: 5 << 40,
			ETag: "0123456789abcdef0123456789abcdef-12", VersionID: "v1",
		}
		if diff := cmp.Diff(want, object); diff != "" {
			t.Error("(-want +got)\n" + diff)
		}
	})
}

func TestSequencersGrow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // the clock stands still between the calls
		b := setup(t)
		const events = 50
		var last string
		for i := range events {
			b.ObjectCreated("stage", "key")
			got := b.settle(t)
			if len(got) != 1 {
				t.Fatalf("event %d: delivered %d times", i, len(got))
			}
			next := decode(t, got[0].payload).Sequencer
			if next <= last {
				t.Fatalf("event %d: sequencer %s after %s", i, next, last)
			}
			last = next
		}
	})
}

func TestDuplicate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, func(o *Options) { o.Duplicate = true })
		b.ObjectCreated("stage", "key")
		got := b.settle(t)
		if len(got) != 2 {
			t.Fatalf("delivered %d times, want twice", len(got))
		}
		if diff := cmp.Diff(got[0].payload, got[1].payload); diff != "" {
			t.Error("the second delivery is another event (-first +second)\n" + diff)
		}
		if pause := got[1].at.Sub(got[0].at); pause != duplicateDelay {
			t.Errorf("the second came after %v, want %v", pause, duplicateDelay)
		}
	})
}

func TestRulesChoose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		key := func(part string) func([]byte) (bool, error) {
			return func(event []byte) (bool, error) { return bytes.Contains(event, []byte(part)), nil }
		}
		b := setup(t, func(o *Options) {
			o.Rules = []Rule{
				{Function: "load", Matches: key("receipt.json")},
				{Function: "header", Matches: key("unload/")},
				{Function: "audit", Matches: everything},
				{Function: "broken", Matches: func([]byte) (bool, error) { return true, errors.New("bad pattern") }},
			}
		})
		b.ObjectCreated("stage", "shop/receipt.json")
		var functions []string
		for _, d := range b.settle(t) {
			functions = append(functions, d.function)
		}
		slices.Sort(functions)
		if diff := cmp.Diff([]string{"audit", "load"}, functions); diff != "" {
			t.Error("(-want +got)\n" + diff)
		}
		if !strings.Contains(b.log.String(), "broken: matching its rule: bad pattern") {
			t.Errorf("the broken rule is not in the log: %q", b.log)
		}
	})
}

func TestLostEventsAreLogged(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(*Options)
		want   string
	}{
		{
			name: "object gone",
			change: func(o *Options) {
				o.Stat = func(context.Context, string, string) (int64, string, string, error) {
					return 0, "", "", fs.ErrNotExist
				}
			},
			want: "no event for s3://stage/key: file does not exist\n",
		},
		{
			name: "not delivered",
			change: func(o *Options) {
				o.Deliver = func(string, []byte) error { return errors.New("host closed") }
			},
			want: "event ID for s3://stage/key is lost for load: delivering: host closed\n",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := setup(t, test.change)
				b.ObjectCreated("stage", "key")
				if got := b.settle(t); len(got) != 0 {
					t.Errorf("delivered %+v", got)
				}
				got := b.log.String()
				if words := strings.Fields(got); len(words) > 1 && len(words[1]) == 36 {
					got = strings.Replace(got, words[1], "ID", 1)
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Error("(-want +got)\n" + diff)
				}
			})
		})
	}
}

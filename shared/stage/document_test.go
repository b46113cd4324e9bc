package stage_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/s3/s3test"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
)

func shelf(t *testing.T) stage.Shelf {
	t.Helper()
	bucket := s3test.Shared(t)
	return stage.Shelf{Store: object.New(bucket.Config), Bucket: bucket.Name}
}

func state(watermark string) stage.State {
	return stage.State{
		Version: stage.StateVersion, Database: "shop", Table: folder().Table, Column: "id", Type: "bigint",
		Watermark: watermark, Run: run, At: time.Date(2026, 11, 21, 0, 30, 0, 0, time.UTC),
	}
}

func TestDocumentIsWrittenOverTheVersionThatWasRead(t *testing.T) {
	t.Parallel()
	d := stage.Document[stage.State]{Shelf: shelf(t), Key: "state.json"}
	if _, _, err := d.Read(t.Context()); !errors.Is(err, object.ErrNotFound) {
		t.Errorf("reading what is not there: %v", err)
	}
	if _, err := d.Replace(t.Context(), state("1"), `"of another"`); !stage.Conflict(err) {
		t.Errorf("replacing what is not there: %v", err)
	}
	first, err := d.Create(t.Context(), state("1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Create(t.Context(), state("2")); !stage.Conflict(err) {
		t.Errorf("creating it twice: %v", err)
	}
	var won atomic.Int64
	var writers sync.WaitGroup
	for i := range 8 {
		writers.Go(func() {
			s := state("2")
			s.Rows = int64(i) + 1
			switch _, err := d.Replace(t.Context(), s, first); {
			case err == nil:
				won.Add(1)
			case !stage.Conflict(err):
				t.Error(err)
			}
		})
	}
	writers.Wait()
	got, etag, err := d.Read(t.Context())
	if err != nil || won.Load() != 1 || etag == first {
		t.Errorf("%d of 8 writers won; %v", won.Load(), err)
	}
	got.Rows = 0
	if diff := cmp.Diff(state("2"), got); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
}

func TestDocumentThatSaysSomethingElseIsRefused(t *testing.T) {
	t.Parallel()
	s := shelf(t)
	for name, text := range map[string]string{
		"a field that there is not": `{"version":2,"column":"id","type":"bigint","watermark":"1","surprise":1}`,
		"of a later version":        `{"version":3,"column":"id","type":"bigint","watermark":"1"}`,
		"without a watermark":       `{"version":2,"column":"id","type":"bigint"}`,
		"of another case":           `{"Version":2,"column":"id","type":"bigint","watermark":"1"}`,
		"cut off":                   `{"version":2,"column":"id"`,
		"nothing":                   ``,
	} {
		key := name + ".json"
		if _, err := s.Store.Put(t.Context(), object.Location{Bucket: s.Bucket, Key: key}, []byte(text), object.PutOptions{}); err != nil {
			t.Fatal(err)
		}
		if got, _, err := (stage.Document[stage.State]{Shelf: s, Key: key}).Read(t.Context()); err == nil {
			t.Errorf("%s: read %+v", name, got)
		}
	}
	before := `{"version":1,"database":"shop","table":{"schema":"public","name":"orders"},"column":"id","type":"bigint","watermark":"7","at":"2026-11-21T00:30:00Z"}`
	if _, err := s.Store.Put(t.Context(), object.Location{Bucket: s.Bucket, Key: "before"}, []byte(before), object.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	if got, _, err := (stage.Document[stage.State]{Shelf: s, Key: "before"}).Read(t.Context()); err != nil || got.Watermark != "7" {
		t.Errorf("a state of version 1: %+v, %v", got, err)
	}
}

// What is left of a run is the units that have no record, and what records left.
func TestOpenUnitsAreThoseWithoutARecord(t *testing.T) {
	t.Parallel()
	unit := func(id string) stage.Unit { return stage.Unit{ID: id, Table: folder().Table} }
	ids := func(units []stage.Unit) (list []string) {
		for _, u := range units {
			list = append(list, u.ID)
		}
		return list
	}
	units := []stage.Unit{unit("1"), unit("2"), unit("3")}
	records := []stage.Record{
		{Units: []string{"2"}, Left: []stage.Unit{unit("2.1"), unit("2.2")}},
		{Units: []string{"2.1", "3"}, Left: []stage.Unit{unit("2.3")}},
	}
	if diff := cmp.Diff([]string{"1", "2.2", "2.3"}, ids(stage.Open(units, records))); diff != "" {
		t.Errorf("open (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"1", "2", "3"}, ids(units)); diff != "" {
		t.Errorf("the units themselves have changed (-want +got):\n%s", diff)
	}
}

func TestContinuationNamesARun(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]stage.RunID{string(run): run, string(run) + ".3": run, "next": "", string(run) + ".": "", string(run) + ".x": "", "": ""} {
		got, err := stage.ParseContinuation(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
}

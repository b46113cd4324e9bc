package load

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/stagelift/stagelift/local/s3/door"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

func TestReceiptBecomesALoad(t *testing.T) {
	t.Parallel()
	for name, schema := range map[string]string{"source's schema": "", "TargetSchema": "mart"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.job.TargetSchema = schema
			s := b.stage("Order Items", "1\n2\n", "3\n")
			answer, err := b.job.Handle(t.Context(), json.RawMessage(fmt.Sprintf(`{"bucket":%q,"key":%q}`, b.job.Bucket, s.key)))
			if err != nil {
				t.Fatal(err)
			}
			target := table.Name{Schema: "public", Table: "Order Items"}
			if schema != "" {
				target.Schema = schema
			}
			want := []warehouse.Load{{
				ID: b.id(s), Run: s.Run, Source: s.Table, Target: target, Mode: warehouse.Append, Columns: s.Columns, Format: s.Format,
				Bucket: b.job.Bucket, Manifest: "s3://" + b.job.Bucket + "/" + s.Manifest, Rows: 3,
				Parts: []warehouse.Part{{Key: s.Parts[0].Key, Rows: 2, Bytes: 4}, {Key: s.Parts[1].Key, Rows: 1, Bytes: 2}},
			}}
			if diff := cmp.Diff(want, b.warehouse.asked, cmpopts.IgnoreFields(warehouse.Load{}, "Find")); diff != "" {
				t.Errorf("load (-want +got):\n%s", diff)
			}
			wantAnswer := Answer{Loads: []Loaded{{
				LoadID: b.id(s), Receipt: s.key, Source: `public."Order Items"`, Target: target.String(), Run: s.Run, Mode: warehouse.Append,
				State: warehouse.Loaded, Rows: 3, Statements: []string{"statement-1"},
			}}}
			if diff := cmp.Diff(wantAnswer, answer, cmpopts.IgnoreFields(Loaded{}, "Seconds")); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(answer.Loads[0], b.kept(b.id(s))); diff != "" {
				t.Errorf("kept (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEmptyTableIsLoadedWithoutAManifest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := b.stage("orders")
	if _, err := b.job.Handle(t.Context(), b.notification(s.key)); err != nil {
		t.Fatal(err)
	}
	if got := b.warehouse.asked; len(got) != 1 || got[0].Manifest != "" || got[0].Rows != 0 {
		t.Errorf("asked for %+v", got)
	}
}

// What was staged and then changed is not handed to the warehouse.
func TestTamperedStageIsNotLoaded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		bend     func(b *bundle, s *staged)
		tampered bool // else the receipt itself is wrong
		want     string
	}{
		"part missing":            {func(b *bundle, s *staged) { b.remove(s.Parts[1].Key) }, true, "part-00001.csv is missing"},
		"part shorter":            {func(b *bundle, s *staged) { b.put(s.Parts[1].Key, []byte("3")) }, true, "part-00001.csv has 1 bytes, want 2"},
		"part changed":            {func(b *bundle, s *staged) { b.put(s.Parts[0].Key, []byte("1\n7\n")) }, true, "part-00000.csv has CRC-32C"},
		"part without a checksum": {func(b *bundle, s *staged) { b.putPlain(s.Parts[0].Key, "1\n2\n") }, true, `part-00000.csv has CRC-32C ""`},
		"manifest missing":        {func(b *bundle, s *staged) { b.remove(s.Manifest) }, true, "the manifest is missing"},
		"manifest of nothing":     {func(b *bundle, s *staged) { b.put(s.Manifest, []byte(`{"entries":[]}`)) }, true, "does not list the receipt's parts"},
		"manifest with a part more": {func(b *bundle, s *staged) {
			b.put(s.Manifest, []byte(strings.Replace(string(b.get(s.Manifest)), `"entries": [`, `"entries": [ {"url":"s3://x/y"},`, 1)))
		}, true, "does not list the receipt's parts"},
		"checksum in the receipt":  {func(_ *bundle, s *staged) { s.Parts[0].CRC32C = "AAAAAA==" }, true, `want "AAAAAA=="`},
		"bytes in the receipt":     {func(_ *bundle, s *staged) { s.Parts[0].Bytes++; s.Bytes++ }, true, "not as the receipt says"},
		"total of rows":            {func(_ *bundle, s *staged) { s.Rows++ }, false, "add up to"},
		"part of another folder":   {func(_ *bundle, s *staged) { s.Parts[0].Key = "stage/shop/public.secret/part-00000.csv" }, false, "lies elsewhere"},
		"receipt of another table": {func(_ *bundle, s *staged) { s.Table.Table = "secret" }, false, "lies in the folder of"},
		"no columns":               {func(_ *bundle, s *staged) { s.Columns = []table.Column{} }, false, "columns are missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			s := b.stage("orders", "1\n2\n", "3\n")
			c.bend(b, &s)
			b.publish(s)
			_, err := b.job.Handle(t.Context(), b.notification(s.key))
			wantError(t, err, c.want)
			if errors.Is(err, ErrTampered) != c.tampered {
				t.Errorf("error is %v; tampered: want %t", err, c.tampered)
			}
			if c.tampered {
				wantError(t, err, "loading s3://"+b.job.Bucket+"/"+s.key, "nothing was loaded")
			}
			b.wantNothingLoaded()
		})
	}
}

func (b *bundle) wantNothingLoaded() {
	b.Helper()
	if len(b.warehouse.asked) > 0 {
		b.Errorf("the warehouse was asked for %+v", b.warehouse.asked)
	}
}

// However often it is delivered, a receipt is loaded once, and what is kept of
// it is what the first delivery did. Its parts may be gone by then.
func TestSecondDeliveryLoadsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := b.stage("orders", "1\n2\n", "3\n")
	for i, want := range []warehouse.State{warehouse.Loaded, warehouse.AlreadyLoaded, warehouse.AlreadyLoaded} {
		answer, err := b.job.Handle(t.Context(), b.notification(s.key))
		if err != nil {
			t.Fatal(err)
		}
		if got := answer.Loads[0]; got.State != want || got.Rows != 3 {
			t.Errorf("delivery %d: %+v, want %s", i, got, want)
		}
		if i == 1 {
			b.remove(s.Parts[0].Key)
		}
	}
	if len(b.warehouse.asked) != 1 {
		t.Errorf("%d loads, want 1", len(b.warehouse.asked))
	}
	if kept := b.kept(b.id(s)); kept.State != warehouse.Loaded || len(kept.Statements) != 1 {
		t.Errorf("kept %+v, want what the first delivery did", kept)
	}
	if len(b.notifier.loads) != 1 || b.notifier.loads[0].State != warehouse.Loaded {
		t.Errorf("told %+v, want it once", b.notifier.loads)
	}
}

// A call that dies between the commit and _loads/ is made up for by the next.
func TestOutcomeThatCouldNotBeKeptIsKeptByTheNextDelivery(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := b.stage("orders", "1\n")
	b.door.Fail(func(r *http.Request) *door.Failure {
		if r.Method == http.MethodPut {
			return &door.Failure{Status: http.StatusForbidden, Code: "AccessDenied"}
		}
		return nil
	})
	_, err := b.job.Handle(t.Context(), b.notification(s.key))
	wantError(t, err, "putting s3://"+b.job.Bucket+"/stage/shop/_loads/", "AccessDenied")
	b.door.Fail(nil)
	if _, err := b.job.Handle(t.Context(), b.notification(s.key)); err != nil {
		t.Fatal(err)
	}
	if kept := b.kept(b.id(s)); kept.State != warehouse.Loaded || kept.Rows != 1 || len(b.warehouse.asked) != 1 {
		t.Errorf("kept %+v after %d loads", kept, len(b.warehouse.asked))
	}
}

// A failure is kept, with what the warehouse says of rows, until the load
// succeeds.
func TestFailureIsKeptUntilTheLoadSucceeds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := b.stage("orders", "1\n")
	b.warehouse.err = warehouse.ErrRowCount
	if _, err := b.job.Handle(t.Context(), b.notification(s.key)); !errors.Is(err, warehouse.ErrRowCount) {
		t.Errorf("error is %v, want ErrRowCount", err)
	}
	kept := b.kept(b.id(s))
	if kept.State != Failed || !strings.Contains(kept.Error, "another number") || len(kept.Errors) != 1 || kept.Errors[0].Line != 7 {
		t.Errorf("kept %+v", kept)
	}
	b.warehouse.err = nil
	if _, err := b.job.Handle(t.Context(), b.notification(s.key)); err != nil {
		t.Fatal(err)
	}
	if kept := b.kept(b.id(s)); kept.State != warehouse.Loaded || kept.Error != "" {
		t.Errorf("kept %+v", kept)
	}
	if got := b.notifier.loads; len(got) != 2 || got[0].State != Failed || got[1].State != warehouse.Loaded {
		t.Errorf("told %+v", got)
	}
}

// Of many parts, those that are wrong are found.
func TestEveryPartIsLookedAt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	parts := make([]string, 3*lookups)
	for i := range parts {
		parts[i] = fmt.Sprintf("%d\n", i)
	}
	s := b.stage("orders", parts...)
	b.put(s.Parts[len(parts)-1].Key, []byte("77\n"[:s.Parts[len(parts)-1].Bytes]))
	_, err := b.job.Handle(t.Context(), b.notification(s.key))
	wantError(t, err, fmt.Sprintf("part-%05d.csv has CRC-32C", len(parts)-1))
	b.wantNothingLoaded()
}

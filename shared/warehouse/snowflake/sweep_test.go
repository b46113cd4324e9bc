package snowflake

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// sweeping gives a load the keys of all rows that its source has.
func (b *bundle) sweeping(l warehouse.Load, soft bool, keys ...string) warehouse.Load {
	b.Helper()
	l.Sweep = &warehouse.Sweep{Soft: soft}
	if len(keys) > 0 {
		part := b.stage(0)
		b.put(&part, "stage/sweep/"+l.ID+"/part-00000.csv", keys...)
		l.Sweep.Parts, l.Sweep.Rows = part.Parts, part.Rows
	}
	return l
}

func TestSweepDeletesWhatTheSourceHasNot(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.load(b.merge(1, "1,a,1,f", "2,b,1,f", "3,c,1,f"), warehouse.Loaded)
	outcome := b.load(b.sweeping(b.merge(2, "2,B,2,f", "4,d,2,f"), false, "2", "4"), warehouse.Loaded)
	b.want(rowsOfM, "2=B@2", "4=d@2")
	if outcome.Updated != 1 || outcome.Deleted != 2 {
		t.Errorf("%d updated, %d deleted", outcome.Updated, outcome.Deleted)
	}
	outcome = b.load(b.sweeping(b.merge(3), false, "4"), warehouse.Loaded) // a window without rows
	b.want(rowsOfM, "4=d@2")
	if outcome.Deleted != 1 {
		t.Errorf("%d deleted", outcome.Deleted)
	}
	b.load(b.sweeping(b.merge(4), false), warehouse.Loaded) // the source is empty
	b.want(rowsOfM)
}

func TestSoftSweepMarksAndUnmarks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	marked := `SELECT id || ' ' || (_deleted_at IS NOT NULL) FROM public.t ORDER BY id`
	b.load(b.merge(1, "1,a,1,f", "2,b,1,f"), warehouse.Loaded) // has no such column yet
	outcome := b.load(b.sweeping(b.merge(2, "3,c,2,f"), true, "2", "3"), warehouse.Loaded)
	b.want(marked, "1 true", "2 false", "3 false")
	if outcome.Deleted != 1 {
		t.Errorf("%d deleted", outcome.Deleted)
	}
	since := b.look(`SELECT _deleted_at FROM public.t WHERE id = 1`)
	if outcome = b.load(b.sweeping(b.merge(3), true, "2"), warehouse.Loaded); outcome.Deleted != 1 {
		t.Errorf("%d deleted", outcome.Deleted)
	}
	b.want(marked, "1 true", "2 false", "3 true")
	b.want(`SELECT _deleted_at FROM public.t WHERE id = 1`, since...)
	b.load(b.sweeping(b.merge(4, "1,A,4,f"), true, "1", "2"), warehouse.Loaded)
	b.want(marked, "1 false", "2 false", "3 true")
}

func TestSweepsThatCouldDeleteTooMuchAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.load(b.merge(1, "1,a,1,f", "2,b,1,f"), warehouse.Loaded)
	short := b.sweeping(b.merge(2), false, "1")
	short.Sweep.Rows = 2
	_, err := b.fail(short, "want 2 keys of the sweep, COPY brought 1", "nothing was changed")
	if !errors.Is(err, warehouse.ErrRowCount) {
		t.Errorf("error is %v", err)
	}
	_, err = b.fail(b.sweeping(b.merge(3), false, "1", `\N`), "1 rows of the sweep have no value in a key", "nothing was changed")
	if !errors.Is(err, warehouse.ErrKeys) {
		t.Errorf("error is %v", err)
	}
	without := b.sweeping(b.stage(4, "3,c"), false, "1")
	_, _ = b.fail(without, "a sweep needs a merge with keys")
	other := b.sweeping(b.merge(5), false, "1")
	other.Filter = "id > 1"
	_, _ = b.fail(other, "the keys of other rows than the load's condition")
	lost := b.sweeping(b.merge(6), false)
	lost.Sweep.Rows = 3
	_, _ = b.fail(lost, "3 keys are staged, but no parts")
	taken := b.sweeping(b.merge(7), true, "1")
	taken.Columns[1].Name = warehouse.DeletedAtColumn
	_, _ = b.fail(taken, `adds column "_deleted_at"`)
	b.want(rowsOfM, "1=a@1", "2=b@1")
}

// Keys of two columns, in capitals, from JSON.
func TestSweepByKeysOfSeveralColumns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.administer(grantPublic)
	stage := func(number int, rows ...string) warehouse.Load {
		l := b.stage(number)
		l.Columns = []table.Column{{Name: "a", Type: "bigint"}, {Name: "b", Type: "text"}, {Name: "v", Type: "bigint"}}
		l.Mode, l.Keys, l.Names, l.Format.Name = warehouse.Merge, []string{"b", "a"}, warehouse.Upper, "jsonl"
		if len(rows) > 0 {
			b.put(&l, fmt.Sprintf("stage/a/%d.jsonl", number), rows...)
		}
		return l
	}
	b.load(stage(1, `{"a":1,"b":"x","v":1}`, `{"a":1,"b":"y","v":2}`, `{"a":2,"b":"x","v":3}`), warehouse.Loaded)
	l := stage(2)
	keys := stage(3, `{"b":"y","a":1}`, `{"b":"x","a":2}`)
	l.Sweep = &warehouse.Sweep{Parts: keys.Parts, Rows: 2}
	b.load(l, warehouse.Loaded)
	b.want(`SELECT "A" || "B" FROM "PUBLIC"."T" ORDER BY 1`, "1y", "2x")
}

// A million keys are compared as a set.
func TestSweepOfAMillionKeys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const rows = 1_000_000
	var text strings.Builder
	for i := range rows {
		fmt.Fprintf(&text, "%d\n", i)
	}
	part := warehouse.Part{Key: "stage/sweep/million.csv", Rows: rows, Bytes: int64(text.Len())}
	at := object.Location{Bucket: b.bucket, Key: part.Key}
	if _, err := b.store.Put(t.Context(), at, []byte(text.String()), object.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	first := b.merge(1)
	first.Columns, first.Parts, first.Rows = first.Columns[:1], []warehouse.Part{part}, rows
	b.load(first, warehouse.Loaded)
	b.look(`INSERT INTO public.t SELECT -i FROM generate_series(1, 1000) i RETURNING 1`)
	l := b.merge(2)
	l.Columns = l.Columns[:1]
	l.Sweep = &warehouse.Sweep{Parts: []warehouse.Part{part}, Rows: rows}
	start := time.Now()
	outcome := b.load(l, warehouse.Loaded)
	t.Logf("%s", time.Since(start).Round(time.Millisecond))
	if outcome.Deleted != 1000 {
		t.Errorf("%d deleted", outcome.Deleted)
	}
	b.want(`SELECT count(*) FROM public.t`, fmt.Sprint(rows))
}

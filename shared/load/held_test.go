package load

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stagelift/stagelift/local/s3/door"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// between makes a receipt one of a window that is merged.
func between(from, to string) func(*stage.Receipt) {
	return func(r *stage.Receipt) {
		r.Load.Mode, r.PrimaryKey = string(warehouse.Merge), []string{"id"}
		r.Window = &stage.Window{Column: "id", Type: "bigint", From: from, To: to}
	}
}

// A window that waits for another target's, or for nothing, is not this one's to
// load; one that was never delivered has its delivery still to come.
func TestOnlyWhatWaitsIsLoadedBesides(t *testing.T) {
	t.Parallel()
	for name, bend := range map[string]func(*stage.Receipt){
		"never delivered": func(*stage.Receipt) {},
		"another target":  func(r *stage.Receipt) { r.Load.Target = &table.Name{Schema: "public", Table: "other"} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			first := b.stageRun("orders", "20261121T000001Z-7f3a91c2", between("", "5"), "1\n")
			second := b.stageRun("orders", "20261121T000002Z-7f3a91c2", func(r *stage.Receipt) {
				between("5", "6")(r)
				bend(r)
			}, "2\n")
			if name != "never delivered" {
				b.keepHeld(second)
			}
			answer, err := b.job.Handle(t.Context(), b.notification(first.key))
			if err != nil || len(answer.Loads) != 1 || answer.Loads[0].Receipt != first.key {
				t.Errorf("answer %+v, %v; want the first alone", answer, err)
			}
		})
	}
}

// keepHeld keeps of a load that it was held, as its delivery would.
func (b *bundle) keepHeld(s staged) {
	b.Helper()
	b.put("stage/shop/_loads/"+b.id(s)+".json", []byte(`{"state":"held"}`))
}

// Runs of one second sort by chance, so the one that follows may sort before.
func TestHeldWindowOfTheSameSecond(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.stageRun("orders", "20261121T000001Z-88888888", between("", "5"), "1\n")
	second := b.stageRun("orders", "20261121T000001Z-00000000", between("5", "6"), "2\n")
	third := b.stageRun("orders", "20261121T000001Z-ffffffff", between("6", "7"), "3\n")
	for _, s := range []staged{second, third} {
		b.keepHeld(s)
	}
	answer, err := b.job.Handle(t.Context(), b.notification(first.key))
	if err != nil || len(answer.Loads) != 3 || answer.Loads[1].Receipt != second.key || answer.Loads[2].Receipt != third.key {
		t.Errorf("answer %+v, %v; want all three", answer, err)
	}
}

// A target that is loaded anew, its ledger gone, follows from its first window.
func TestWindowsAreLoadedAnewFromTheFirst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.stageRun("orders", "20261121T000001Z-7f3a91c2", between("", "5"), "1\n")
	second := b.stageRun("orders", "20261121T000002Z-7f3a91c2", between("5", "6"), "2\n")
	for range 2 {
		b.keepHeld(second)
		answer, err := b.job.Handle(t.Context(), b.notification(first.key))
		if err != nil || len(answer.Loads) != 2 || answer.Loads[1].State != warehouse.Loaded {
			t.Errorf("answer %+v, %v", answer, err)
		}
		if kept := b.kept(b.id(second)); kept.State != warehouse.Loaded {
			t.Errorf("kept %+v", kept)
		}
		clear(b.warehouse.done)
	}
	answer, err := b.job.Handle(t.Context(), b.notification(first.key)) // kept as loaded, but not in the ledger
	if err != nil || len(answer.Loads) != 2 || answer.Loads[1].State != warehouse.Loaded {
		t.Errorf("answer %+v, %v", answer, err)
	}
}

// When time is up, what is left is the next delivery's.
func TestHeldWindowsAreLeftWhenTimeIsUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.stageRun("orders", "20261121T000001Z-7f3a91c2", between("", "5"), "1\n")
	second := b.stageRun("orders", "20261121T000002Z-7f3a91c2", between("5", "6"), "2\n")
	if _, err := b.job.Handle(t.Context(), b.notification(first.key)); err != nil {
		t.Fatal(err)
	}
	b.keepHeld(second)
	late, cancel := context.WithTimeout(t.Context(), closingTime-time.Millisecond)
	defer cancel()
	answer, err := b.job.Handle(late, b.notification(first.key))
	wantError(t, err, "loading public.orders, run 20261121T000002Z-7f3a91c2, which follows run 20261121T000001Z-7f3a91c2: out of time")
	if len(answer.Loads) != 1 || len(b.warehouse.asked) != 1 {
		t.Errorf("answer %+v after %d loads", answer, len(b.warehouse.asked))
	}
	answer, err = b.job.Handle(t.Context(), b.notification(first.key))
	if err != nil || len(answer.Loads) != 2 || answer.Loads[1].State != warehouse.Loaded {
		t.Errorf("answer %+v, %v", answer, err)
	}
}

// What cannot be looked for ends the delivery, which is made again; the load is
// kept as done.
func TestWindowsThatCannotBeLookedFor(t *testing.T) {
	t.Parallel()
	for name, fails := range map[string]func(r *http.Request, second staged) bool{
		"listing":     func(r *http.Request, _ staged) bool { return r.URL.Query().Has("list-type") },
		"its receipt": func(r *http.Request, second staged) bool { return strings.HasSuffix(r.URL.Path, second.key) },
		"how it ended": func(r *http.Request, second staged) bool {
			return r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, stage.LoadID(encoded(second))+".json")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			first := b.stageRun("orders", "20261121T000001Z-7f3a91c2", between("", "5"), "1\n")
			second := b.stageRun("orders", "20261121T000002Z-7f3a91c2", between("5", "6"), "2\n")
			b.keepHeld(second)
			b.door.Fail(func(r *http.Request) *door.Failure {
				if fails(r, second) {
					return &door.Failure{Status: http.StatusForbidden, Code: "AccessDenied"}
				}
				return nil
			})
			_, err := b.job.Handle(t.Context(), b.notification(first.key))
			wantError(t, err, "looking for the window that follows run 20261121T000001Z-7f3a91c2 of public.orders", "AccessDenied")
			if kept := b.kept(b.id(first)); kept.State != warehouse.Loaded {
				t.Errorf("kept %+v", kept)
			}
			b.door.Fail(nil)
			answer, err := b.job.Handle(t.Context(), b.notification(first.key))
			if err != nil || len(answer.Loads) != 2 || answer.Loads[1].State != warehouse.Loaded {
				t.Errorf("answer %+v, %v", answer, err)
			}
		})
	}
}

// encoded is a receipt as publish writes it.
func encoded(s staged) []byte {
	data, _ := json.Marshal(s.Receipt) // of plain values, which all encode
	return data
}

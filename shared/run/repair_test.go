package run

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/stage"
)

// A run that repairs another reads the same window again, as the table is now, and
// says whose place it takes. The watermark stays where it is.
func TestRepairReadsTheSameWindowAgain(t *testing.T) {
	t.Parallel()
	b := setup(t, versions)
	b.exec("INSERT INTO counted (t) SELECT 'row ' || i FROM generate_series(1, 5) AS i")
	b.run(incremental("public.counted", "id"))
	b.exec("INSERT INTO counted (t) SELECT 'row ' || i FROM generate_series(6, 9) AS i")
	second := b.run(incremental("public.counted", "id"))
	broken := b.receipt(second.with(Published)[0].Receipt)
	b.exec("UPDATE counted SET t = 'mended' WHERE id = 7")
	b.exec("INSERT INTO counted (t) VALUES ('later')")

	repaired := b.run(Request{Tables: []string{"public.counted"}, Repair: broken.Run})
	receipt := b.receipt(repaired.with(Published)[0].Receipt)
	if receipt.Repairs != broken.Run || receipt.Load.Mode != broken.Load.Mode {
		t.Errorf("it repairs %q by %s, want %q by %s", receipt.Repairs, receipt.Load.Mode, broken.Run, broken.Load.Mode)
	}
	if diff := cmp.Diff(broken.Window, receipt.Window); diff != "" {
		t.Errorf("window (-want +got):\n%s", diff)
	}
	want := []string{"6,row 6\n", "7,mended\n", "8,row 8\n", "9,row 9\n"}
	got := b.content(receipt)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	third := b.receipt(b.run(incremental("public.counted", "id")).with(Published)[0].Receipt)
	if third.Window.From != broken.Window.To || third.Rows != 1 {
		t.Errorf("the next run reads %d rows from %q, want 1 from %q", third.Rows, third.Window.From, broken.Window.To)
	}
}

// What was never published cannot be read once more.
func TestRepairOfNothingIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, versions)
	answer, err := b.job.Run(b.Context(), Request{Tables: []string{"public.counted"}, Repair: stage.RunID("20261121T003000Z-7f3a91c2")})
	if err == nil || len(answer.with(Failed)) != 1 || answer.with(Failed)[0].Code != fault.NotFound {
		t.Errorf("%+v, %v; want not_found", answer, err)
	}
	if _, err := (Request{Tables: []string{"public.counted"}, Mode: "incremental", Repair: "20261121T003000Z-7f3a91c2"}).settings(); err == nil {
		t.Error("repair and a mode were taken together")
	}
}

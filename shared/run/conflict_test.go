package run

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// conflicting fails reads as a replica does that has to keep up, at a row in the
// middle, as long as somebody holds an advisory lock: it is the one thing that a
// reader at a snapshot sees change.
const conflicting = several + `
CREATE FUNCTION readable(id int) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  IF id % 6000 = 5500 AND EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) THEN
    RAISE EXCEPTION 'canceling statement due to conflict with recovery' USING ERRCODE = '40001';
  END IF;
  RETURN true;
END $$;
CREATE VIEW seen AS SELECT * FROM large WHERE readable(id);`

// Rows that were read before a replica cancelled the read are read again, and
// are there once.
func TestCancelledReadsStartAgain(t *testing.T) {
	t.Parallel()
	for name, request := range map[string]Request{
		"a view in many parts":   {Tables: []string{"public.seen"}, PartBytes: 2_000_000},
		"spans in one part":      {Tables: []string{"public.large"}, Streams: 1, Overrides: map[string]Override{"public.large": {Where: "public.readable(id)"}}},
		"spans in several parts": {Tables: []string{"public.large"}, PartBytes: 5_000_000, Overrides: map[string]Override{"public.large": {Where: "public.readable(id)"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, conflicting)
			holder := b.session()
			defer holder.close()
			holder.exec("SELECT pg_advisory_lock(1)")
			result := make(chan error, 1)
			var answer Answer
			go func() {
				var err error
				answer, err = b.job.Run(t.Context(), request)
				result <- err
			}()
			for !strings.Contains(b.logs.String(), "a read was cancelled") {
				select {
				case err := <-result:
					t.Fatalf("it ended before a read was cancelled: %v", err)
				case <-time.After(time.Millisecond):
				}
			}
			holder.exec("SELECT pg_advisory_unlock(1)")
			if err := <-result; err != nil {
				t.Fatal(err)
			}
			want := sorted(strings.SplitAfter(b.copyOut("SELECT * FROM large", ""), "\n"))
			if diff := cmp.Diff(want, b.content(b.receipt(answer.Tables[0].Receipt))); diff != "" {
				t.Errorf("rows (-want +got):\n%.1000s", diff)
			}
		})
	}
}

func TestReplicaThatKeepsCancellingIsGivenUp(t *testing.T) {
	t.Parallel()
	b := setup(t, conflicting)
	holder := b.session()
	defer holder.close()
	holder.exec("SELECT pg_advisory_lock(1)")
	_, err := b.job.Run(t.Context(), Request{Tables: []string{"public.seen"}})
	wantError(t, err, "public.seen failed", "hot_standby_feedback")
	if n := strings.Count(b.logs.String(), "a read was cancelled"); n != readAttempts-1 {
		t.Errorf("it was tried again %d times, want %d", n, readAttempts-1)
	}
	b.wantNothingPublished()
}

package redshift

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestStatementsAreRecorded(t *testing.T) {
	t.Parallel()
	inside, release := make(chan struct{}), make(chan struct{})
	b := setup(t, func(o *Options) {
		o.BeforeStatement = func(ctx context.Context, _ string, _ int, sql string) error {
			if sql == "SELECT 3" {
				close(inside)
				select {
				case <-release:
				case <-ctx.Done():
				}
			}
			return nil
		}
	})
	began := time.Now()
	first := b.submit("CREATE TABLE t (i INT)", "INSERT INTO t VALUES (1)")
	b.wait(first)
	failed := b.submit("SELECT 1 / 0")
	b.wait(failed)
	in := b.input("SELECT 3")
	in.StatementName = aws.String("held")
	out, err := b.client.BatchExecuteStatement(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	<-inside
	want := []Recorded{
		{ID: first, SQL: []string{"CREATE TABLE t (i INT)", "INSERT INTO t VALUES (1)"}},
		{ID: failed, SQL: []string{"SELECT 1 / 0"}, Failed: true},
		{ID: *out.Id, Name: "held", SQL: []string{"SELECT 3"}},
	}
	got := b.server.Statements()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreTypes(time.Time{})); diff != "" {
		t.Fatalf("statements (-want +got):\n%s", diff)
	}
	for i, r := range got[:2] {
		if r.Submitted.Before(began) || !r.Ended.After(r.Submitted) || got[i+1].Submitted.Before(r.Ended) {
			t.Errorf("statement %d was submitted at %v and ended at %v", i, r.Submitted, r.Ended)
		}
	}
	if !got[2].Ended.IsZero() {
		t.Errorf("what is under way ended at %v", got[2].Ended)
	}
	close(release)
	b.wait(*out.Id)
	if r := b.server.Statements()[2]; !r.Ended.After(r.Submitted) {
		t.Errorf("what was under way ended at %v, was submitted at %v", r.Ended, r.Submitted)
	}
}

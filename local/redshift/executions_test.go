package redshift

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata/types"
	"github.com/google/go-cmp/cmp"
)

func TestClientTokenNamesTheRequest(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	b := setup(t, func(o *Options) {
		o.now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	b.must("CREATE TABLE t (i INT)")
	in := b.input("INSERT INTO t VALUES (1)")
	in.ClientToken = aws.String("the same")
	first, err := b.client.BatchExecuteStatement(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	b.wait(*first.Id)
	second, err := b.client.BatchExecuteStatement(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if *first.Id != *second.Id {
		t.Errorf("ids are %s and %s", *first.Id, *second.Id)
	}
	b.wait(*second.Id)
	if diff := cmp.Diff([]string{"1"}, b.look("SELECT count(*)::text FROM t")); diff != "" {
		t.Error(diff)
	}
	in.Sqls = []string{"INSERT INTO t VALUES (2)"}
	var invalid *types.ValidationException
	if _, err := b.client.BatchExecuteStatement(t.Context(), in); !errors.As(err, &invalid) {
		t.Errorf("another request under the token: %v", err)
	}

	ahead.Store(int64(tokenLife + time.Minute))
	late, err := b.server.execute(executeInput{ClientToken: "the same", Database: testDatabase, WorkgroupName: testWorkgroup},
		[]string{"INSERT INTO t VALUES (1)"}, true)
	if err != nil || late.Id == *first.Id {
		t.Errorf("after 8 hours: id %s, %v", late.Id, err)
	}
}

func TestActiveStatementsAreBounded(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	b := setup(t, func(o *Options) {
		o.BeforeStatement = func(ctx context.Context, _ string, _ int, _ string) error {
			select {
			case <-release:
			case <-ctx.Done():
			}
			return ctx.Err()
		}
	})
	for range maxActive {
		b.submit("SELECT 1")
	}
	_, err := b.client.BatchExecuteStatement(t.Context(), b.input("SELECT 1"), func(o *redshiftdata.Options) { o.RetryMaxAttempts = 1 })
	if _, refused := errors.AsType[*types.ActiveStatementsExceededException](err); !refused {
		t.Errorf("error is %v, want an ActiveStatementsExceededException", err)
	}
	close(release)
}

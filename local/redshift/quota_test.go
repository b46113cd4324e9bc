package redshift

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// clock is moved by hand.
type clock struct {
	base  time.Time
	moved atomic.Int64
}

func newClock() *clock                { return &clock{base: time.Now()} }
func (c *clock) now() time.Time       { return c.base.Add(time.Duration(c.moved.Load())) }
func (c *clock) move(d time.Duration) { c.moved.Add(int64(d)) }

// list asks so many times at once, and returns how many were answered.
func (b *bundle) list(times int) int {
	b.t.Helper()
	var answered atomic.Int64
	var all sync.WaitGroup
	for range times {
		all.Go(func() {
			_, err := b.client.ListStatements(b.t.Context(), &redshiftdata.ListStatementsInput{
				StatementName: aws.String("load-1"), Status: types.StatusStringAll,
			}, func(o *redshiftdata.Options) { o.Retryer = aws.NopRetryer{} })
			var refused smithy.APIError
			var answer *smithyhttp.ResponseError
			switch {
			case err == nil:
				answered.Add(1)
			case !errors.As(err, &refused) || refused.ErrorCode() != "ThrottlingException" ||
				!errors.As(err, &answer) || answer.HTTPStatusCode() != 400:
				b.t.Errorf("refused by %v, want a ThrottlingException with status 400", err)
			}
		})
	}
	all.Wait()
	return int(answered.Load())
}

// 50 loads that begin at once ask 50 times: the API answers three.
func TestQuotas(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := setup(t, func(o *Options) { o.Quotas, o.now = true, c.now })
	for _, step := range []struct {
		later time.Duration
		want  int
	}{{0, 3}, {0, 0}, {350 * time.Millisecond, 1}, {10 * time.Second, 3}} {
		c.move(step.later)
		if got := b.list(50); got != step.want {
			t.Errorf("%v later %d calls were answered, want %d", step.later, got, step.want)
		}
	}
}

func TestWithoutQuotasAllIsAnswered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if got := b.list(50); got != 50 {
		t.Errorf("%d calls were answered", got)
	}
}

func TestQuotaOfEachOperation(t *testing.T) {
	t.Parallel()
	c := newClock()
	q := newQuotas(true, c.now)
	for operation, want := range map[string]int{
		"ListStatements": 3, "CancelStatement": 3, "BatchExecuteStatement": 20, "GetStatementResult": 20,
		"ExecuteStatement": 30, "DescribeStatement": 100,
	} {
		got := 0
		for q.take(operation) == nil {
			got++
		}
		if got != want {
			t.Errorf("%s is answered %d times a second, want %d", operation, got, want)
		}
	}
}

package redshift

import (
	"net/http"
	"sync"
	"time"
)

// perSecond are the calls a second of each operation, for an account in a
// Region; none of them can be raised ("Quotas and limits in Amazon Redshift",
// Quotas for Amazon Redshift Data API).
var perSecond = map[string]float64{
	"ListStatements": 3, "CancelStatement": 3, "BatchExecuteStatement": 20, "GetStatementResult": 20,
	"ExecuteStatement": 30, "DescribeStatement": 100,
}

// quotas throttles calls: each operation has a second's worth of them in store,
// which fills again as time goes by.
type quotas struct {
	now func() time.Time

	mu   sync.Mutex
	left map[string]float64
	at   map[string]time.Time
}

// newQuotas returns nil, which lets everything through, unless it is on.
func newQuotas(on bool, now func() time.Time) *quotas {
	if !on {
		return nil
	}
	return &quotas{now: now, left: map[string]float64{}, at: map[string]time.Time{}}
}

// take counts a call, or refuses it.
func (q *quotas) take(operation string) error {
	rate, limited := perSecond[operation]
	if q == nil || !limited {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	left := rate
	if before, called := q.at[operation]; called {
		left = min(rate, q.left[operation]+now.Sub(before).Seconds()*rate)
	}
	q.at[operation] = now
	if left < 1 {
		q.left[operation] = left
		return refuse(http.StatusBadRequest, "ThrottlingException", "Rate exceeded")
	}
	q.left[operation] = left - 1
	return nil
}

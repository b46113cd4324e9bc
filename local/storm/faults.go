package storm

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/stagelift/stagelift/local/s3/door"
)

// fault has S3 fail.
type fault struct {
	// Kind is one of the keys of failures.
	Kind string
	// On is a piece of the keys that it is about, Op the operation; empty is all.
	On, Op string
	// Every is how often: 1 is each request. After Times it is over.
	Every, Times int
}

// failures are the ways in which S3 fails.
var failures = map[string]door.Failure{
	"refuses":          {Status: http.StatusInternalServerError},
	"is busy":          {Status: http.StatusServiceUnavailable, Code: "SlowDown"},
	"loses its answer": {Cut: true, Done: true},
	"cuts":             {Cut: true},
	"is slow":          {Delay: 150 * time.Millisecond},
	"is silent":        {Delay: 20 * time.Second, Cut: true},
	"says 200":         {Status: http.StatusOK, Code: "InternalError"},
	"did and says 200": {Status: http.StatusOK, Code: "InternalError", Done: true},
	"did and refuses":  {Status: http.StatusInternalServerError, Done: true},
	// With these the function dies too, just before the request or just after.
	deadly:     {Cut: true},
	deadlyDone: {Cut: true, Done: true},
}

const (
	deadly     = "sees it die"
	deadlyDone = "did and sees it die"
)

// longest is how long the door may hold back a request that it lets through.
const longest = 150 * time.Millisecond

// inTurn makes one fault of several. The function dies by kill.
func inTurn(faults []fault, kill func()) door.Fault {
	if len(faults) == 0 {
		return nil
	}
	var mu sync.Mutex
	seen, done := make([]int, len(faults)), make([]int, len(faults))
	next := func(r *http.Request) (string, bool) {
		mu.Lock()
		defer mu.Unlock()
		for i, f := range faults {
			if !strings.Contains(r.URL.Path, f.On) || f.Op != "" && door.Operation(r) != f.Op {
				continue
			}
			seen[i]++
			if seen[i]%f.Every == 0 && done[i] < f.Times {
				done[i]++
				return f.Kind, true
			}
		}
		return "", false
	}
	return func(r *http.Request) *door.Failure {
		kind, fails := next(r)
		if !fails {
			return nil
		}
		if kind == deadly || kind == deadlyDone {
			kill()
		}
		failure := failures[kind]
		return &failure
	}
}

// kill ends a session of extract, or extract itself.
type kill struct {
	At time.Duration
	// Reading counts At from when extract begins to read.
	Reading bool
	// What is one of the keys of victims, or "function".
	What string
}

// victims are the sessions that are ended, or cancelled: how, which by a condition
// on pg_stat_activity, and how many.
var victims = map[string]struct{ function, condition, limit string }{
	"a session":            {"pg_terminate_backend", "true", "LIMIT 1"},
	"the idle":             {"pg_terminate_backend", "state = 'idle in transaction'", "LIMIT 1"},
	"the busy":             {"pg_terminate_backend", "state = 'active'", "LIMIT 1"},
	"all":                  {"pg_terminate_backend", "true", ""},
	"the statement of one": {"pg_cancel_backend", "state = 'active'", "LIMIT 1"},
}

// kill ends every invocation under way, but for those that nothing disturbs.
func (l *lane) kill() {
	l.host.Kill(normal)
	l.host.Kill(hasty)
}

func (k kill) do(ctx context.Context, l *lane) error {
	if k.What == "function" {
		l.kill()
		return nil
	}
	conn, err := l.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	v := victims[k.What]
	_, err = conn.Exec(ctx, fmt.Sprintf(`SELECT %s(pid) FROM (SELECT pid FROM pg_stat_activity
		WHERE datname = current_database() AND usename = '%s' AND %s ORDER BY random() %s) AS s`, v.function, user, v.condition, v.limit))
	return err
}

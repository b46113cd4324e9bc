package snowflake

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/stagelift/stagelift/local/snowflake/grammar"
)

// resultLife is how long results are kept.
const resultLife = 24 * time.Hour

// execution is a request for statements, or one statement of such a request.
// What stands below done is guarded by the mutex of its requests until done is
// closed, and does not change after.
type execution struct {
	handle, requestID string
	in                submission
	bindings          []grammar.Binding
	texts             []grammar.Text
	multiple          bool
	timeout           time.Duration
	created           time.Time
	done              chan struct{}

	cancel     context.CancelFunc
	committing bool
	// wrong is why it failed; canceled and timedOut say that it was ended.
	wrong              error
	canceled, timedOut bool
	result             result
	copied             *copied
	parts              []*execution
	ended              time.Time
}

func (x *execution) over() bool {
	select {
	case <-x.done:
		return true
	default:
		return false
	}
}

// requests remembers what was asked for and what came of it.
type requests struct {
	now func() time.Time

	mu       sync.Mutex
	byHandle map[string]*execution
	byID     map[string]*execution
}

func newRequests(now func() time.Time) *requests {
	return &requests{now: now, byHandle: map[string]*execution{}, byID: map[string]*execution{}}
}

// add registers a request, or finds the one that it repeats; fresh tells
// which. Statements that succeeded are not run again when the same requestId
// comes with retry=true; neither are those that still run, since they may yet
// succeed. Without retry=true nothing is looked up: the statements run twice.
func (q *requests) add(x *execution, retry bool) (found *execution, fresh bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	x.created = q.now()
	for handle, old := range q.byHandle {
		if old.over() && x.created.Sub(old.created) > resultLife {
			delete(q.byHandle, handle)
			delete(q.byID, old.requestID)
		}
	}
	if before := q.byID[x.requestID]; before != nil && x.requestID != "" && retry {
		if before.in.Statement != x.in.Statement {
			return nil, false, badRequest("requestId " + x.requestID + " was another request's.")
		}
		if !before.over() || before.wrong == nil {
			return before, false, nil
		}
	}
	q.byHandle[x.handle] = x
	if x.requestID != "" {
		q.byID[x.requestID] = x
	}
	return x, true, nil
}

// addPart registers a statement of a request.
func (q *requests) addPart(whole *execution) *execution {
	q.mu.Lock()
	defer q.mu.Unlock()
	part := &execution{handle: newHandle(), created: q.now(), done: make(chan struct{})}
	whole.parts = append(whole.parts, part)
	q.byHandle[part.handle] = part
	return part
}

func (q *requests) find(handle string) *execution {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.byHandle[handle]
}

// update changes an execution under the mutex.
func (q *requests) update(do func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	do()
}

// running is the answer while an execution is not over.
func running(x *execution) answer {
	return answer{status: http.StatusAccepted, body: &refusal{
		Code: "333334", Message: "Asynchronous execution in progress. Use provided query id to perform query monitoring and management.",
		Handle: x.handle, StatusURL: root + "/" + x.handle, CreatedOn: x.created.UnixMilli(),
	}}
}

// answer is what there is to say of an execution that is over. The reference
// has status 408 for POST only: timedOut is the status for one that ran out of
// time.
func (x *execution) answer(partition, timedOut int) answer {
	if x.wrong != nil {
		status := http.StatusUnprocessableEntity
		if x.timedOut {
			status = timedOut
		}
		e := asSQLError(x.wrong)
		return answer{status: status, body: &refusal{
			Code: e.code, Message: e.message, SQLState: e.state, Handle: x.handle, CreatedOn: x.created.UnixMilli(),
		}}
	}
	if partition > 0 {
		return answer{status: http.StatusOK, body: struct {
			Data [][]*string `json:"data"`
		}{x.result.partition(partition)}, zipped: true}
	}
	set := x.result.set()
	for _, part := range x.parts {
		set.Handles = append(set.Handles, part.handle)
	}
	set.Handle, set.StatusURL, set.CreatedOn = x.handle, root+"/"+x.handle, x.created.UnixMilli()
	return answer{status: http.StatusOK, body: set}
}

// newHandle returns a random identifier in the form of Snowflake's.
func newHandle() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	s := hex.EncodeToString(b[:])
	return strings.Join([]string{"01" + s[2:8], s[8:12], s[12:16], s[16:20], s[20:]}, "-")
}

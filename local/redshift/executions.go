package redshift

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The API's limits (Redshift Management Guide, "Considerations when calling
// the Amazon Redshift Data API").
const (
	maxActive     = 500
	maxStatements = 40
	maxSQL        = 100_000
	tokenLife     = 8 * time.Hour
	resultLife    = 24 * time.Hour
)

// status is where a statement is on its way.
type status string

const (
	submitted status = "SUBMITTED"
	picked    status = "PICKED"
	started   status = "STARTED"
	finished  status = "FINISHED"
	failed    status = "FAILED"
	aborted   status = "ABORTED"
)

func (s status) over() bool { return s == finished || s == failed || s == aborted }

// execution is one call of ExecuteStatement or BatchExecuteStatement. All but
// the first fields is guarded by the mutex of its executions.
type execution struct {
	id       string
	name     string
	batch    bool
	database string
	created  time.Time

	status     status
	updated    time.Time
	begun      time.Time
	duration   time.Duration
	err        string
	pid        uint32
	committing bool
	cancel     context.CancelFunc
	statements []*subStatement
}

// subStatement is one statement of an execution; a plain ExecuteStatement
// has one.
type subStatement struct {
	id       string
	sql      string
	queryID  int64
	status   status
	created  time.Time
	updated  time.Time
	begun    time.Time
	duration time.Duration
	err      string
	result   result
}

// executions remembers what was asked for and what came of it.
type executions struct {
	now func() time.Time

	mu      sync.Mutex
	byID    map[string]*execution
	tokens  map[string]token
	queries int64
}

type token struct {
	id     string
	digest [sha256.Size]byte
	at     time.Time
}

func newExecutions(now func() time.Time) *executions {
	return &executions{now: now, byID: map[string]*execution{}, tokens: map[string]token{}, queries: 1000}
}

// submit registers the request, or finds the one that came with the same token
// before; fresh tells which. cancel is kept for the first case.
func (e *executions) submit(in executeInput, sqls []string, batch bool, cancel context.CancelFunc) (x *execution, fresh bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.now()
	e.forget(now)
	digest := sha256.Sum256([]byte(fmt.Sprintf("%q %q %q %t", in.Database, in.WorkgroupName, sqls, batch)))
	if known, seen := e.tokens[in.ClientToken]; seen && in.ClientToken != "" {
		if known.digest != digest {
			return nil, false, invalid("ClientToken " + in.ClientToken + " was used for another request")
		}
		return e.byID[known.id], false, nil
	}
	active := 0
	for _, other := range e.byID {
		if !other.status.over() {
			active++
		}
	}
	if active >= maxActive {
		return nil, false, refuse(http.StatusBadRequest, "ActiveStatementsExceededException",
			fmt.Sprintf("Active statements exceeded the allowed quota (%d).", maxActive))
	}
	x = &execution{id: newUUID(), name: in.StatementName, batch: batch, database: in.Database, created: now, updated: now, status: submitted, cancel: cancel}
	for i, sql := range sqls {
		e.queries++
		sub := &subStatement{id: x.id, sql: sql, queryID: e.queries, status: submitted, created: now, updated: now}
		if batch {
			sub.id += ":" + strconv.Itoa(i+1)
		}
		x.statements = append(x.statements, sub)
	}
	e.byID[x.id] = x
	if in.ClientToken != "" {
		e.tokens[in.ClientToken] = token{x.id, digest, now}
	}
	return x, true, nil
}

// forget drops what the API would no longer know.
func (e *executions) forget(now time.Time) {
	for name, t := range e.tokens {
		if now.Sub(t.at) > tokenLife {
			delete(e.tokens, name)
		}
	}
	for id, x := range e.byID {
		if x.status.over() && now.Sub(x.updated) > resultLife {
			delete(e.byID, id)
		}
	}
}

// with calls do with the execution of an id, and with one of its statements
// when the id has a number or there is but one.
func (e *executions) with(id string, do func(*execution, *subStatement) error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.forget(e.now())
	whole, number, numbered := strings.Cut(id, ":")
	x := e.byID[whole]
	if x == nil || numbered && !x.batch {
		return notFound(id, "Query does not exist.")
	}
	if !x.batch {
		return do(x, x.statements[0])
	}
	if !numbered {
		return do(x, nil)
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > len(x.statements) {
		return notFound(id, "Query does not exist.")
	}
	return do(x, x.statements[n-1])
}

// named lists the executions whose name begins so, the newest first.
func (e *executions) named(prefix string, in status) []listed {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.forget(e.now())
	list := []listed{}
	for _, x := range e.byID {
		if strings.HasPrefix(x.name, prefix) && (in == "ALL" || x.status == in) {
			list = append(list, listed{
				CreatedAt: epoch(x.created), Id: x.id, IsBatchStatement: x.batch, StatementName: x.name,
				Status: x.status, UpdatedAt: epoch(x.updated),
			})
		}
	}
	slices.SortFunc(list, func(a, b listed) int {
		return cmp.Or(cmp.Compare(b.CreatedAt, a.CreatedAt), cmp.Compare(a.Id, b.Id))
	})
	return list
}

// update changes an execution under the mutex; do gets the present time.
func (e *executions) update(x *execution, do func(now time.Time)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.now()
	do(now)
	x.updated = now
}

// newUUID returns a random (version 4) UUID.
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

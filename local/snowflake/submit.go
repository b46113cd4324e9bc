package snowflake

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stagelift/stagelift/local/snowflake/grammar"
)

// maxTimeout is a week, which a timeout of 0 asks for.
const maxTimeout = 604_800

// submission is the body of POST /api/v2/statements.
type submission struct {
	Statement  string                `json:"statement"`
	Timeout    *int64                `json:"timeout"`
	Database   string                `json:"database"`
	Schema     string                `json:"schema"`
	Warehouse  string                `json:"warehouse"`
	Role       string                `json:"role"`
	Bindings   map[string]bindingDoc `json:"bindings"`
	Parameters map[string]string     `json:"parameters"`
}

type bindingDoc struct {
	Type  string  `json:"type"`
	Value *string `json:"value"`
}

func (s *Server) submit(r *http.Request, in submission) (answer, error) {
	query := r.URL.Query()
	if err := checkQuery(query, "requestId", "async", "retry"); err != nil {
		return answer{}, err
	}
	id := query.Get("requestId")
	if id != "" && !isUUID(id) {
		return answer{}, badRequest("requestId is not a UUID.")
	}
	made, err := s.newExecution(in, id)
	if err != nil {
		return answer{}, err
	}
	retry := query.Get("retry") == "true"
	x, fresh, err := s.requests.add(made, retry)
	if err != nil {
		return answer{}, err
	}
	s.record(Recorded{Handle: x.handle, RequestID: id, Retry: retry, Fresh: fresh, SQL: in.Statement, At: s.options.Now()})
	if fresh {
		s.begin(x)
	}
	// A repetition learns what there is to know, but an asynchronous one does
	// not wait for it.
	if query.Get("async") == "true" && (fresh || !x.over()) {
		return running(x), nil
	}
	patience := time.NewTimer(s.options.SyncWait)
	defer patience.Stop()
	select {
	case <-x.done:
		return x.answer(0, http.StatusRequestTimeout), nil
	case <-patience.C:
		return running(x), nil
	case <-r.Context().Done():
		return answer{}, r.Context().Err()
	}
}

func (s *Server) record(r Recorded) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recorded = append(s.recorded, r)
}

// begin runs the statements in the background, for as long as they may take.
func (s *Server) begin(x *execution) {
	ctx, cancel := context.WithTimeoutCause(s.life, x.timeout, errTimeout)
	s.requests.update(func() { x.cancel = cancel })
	s.log.InfoContext(ctx, "submitted", slog.String("handle", x.handle), slog.Int("statements", len(x.texts)))
	s.running.Go(func() {
		defer cancel()
		s.run(ctx, x)
	})
}

// newExecution checks what can be told before anything runs.
func (s *Server) newExecution(in submission, id string) (*execution, error) {
	x := &execution{handle: newHandle(), requestID: id, in: in, timeout: maxTimeout * time.Second, done: make(chan struct{})}
	if in.Timeout != nil && *in.Timeout != 0 {
		if *in.Timeout < 0 || *in.Timeout > maxTimeout {
			return nil, badRequest("timeout must be between 0 and 604800.")
		}
		x.timeout = time.Duration(*in.Timeout) * time.Second
	}
	want := "1"
	for _, name := range slices.Sorted(maps.Keys(in.Parameters)) {
		value := in.Parameters[name]
		switch upper := strings.ToUpper(name); {
		case upper == "MULTI_STATEMENT_COUNT":
			want = value
		case upper == "QUERY_TAG", upper == "USE_CACHED_RESULT", upper == "TIMEZONE" && value == "UTC":
		default:
			return nil, badRequest("parameter " + name + " = " + value + " is not imitated by this stand-in.")
		}
	}
	count, err := strconv.Atoi(want)
	if err != nil || count < 0 {
		return nil, badRequest("MULTI_STATEMENT_COUNT is not a number.")
	}
	x.multiple = count != 1
	if x.bindings, err = readBindings(in.Bindings); err != nil {
		return nil, err
	}
	if x.multiple && len(x.bindings) > 0 {
		return nil, badRequest("Variable binding is not supported in requests with multiple statements.")
	}
	x.texts, x.wrong = grammar.Split(in.Statement)
	if x.wrong == nil {
		x.wrong = s.checkContext(in, x.texts, count)
	}
	return x, nil
}

// checkContext returns the error that a request ends with before its first
// statement, if there is one.
func (s *Server) checkContext(in submission, texts []grammar.Text, count int) error {
	switch {
	case len(texts) == 0:
		return sqlError{"000900", "42601", "SQL compilation error:\nEmpty SQL statement."}
	case count != 0 && len(texts) != count:
		return sqlError{"000008", "0A000", fmt.Sprintf("Actual statement count %d did not match the desired statement count %d.", len(texts), count)}
	case in.Role != "" && in.Role != s.options.Role:
		return sqlError{"390189", "08001", fmt.Sprintf("Role '%s' specified in the connect string is not granted to this user.", in.Role)}
	case in.Warehouse != "" && in.Warehouse != s.options.Warehouse:
		return errNoSuchWarehouse
	case in.Database != "" && in.Database != s.options.Database:
		return noSuchDatabase(in.Database)
	case in.Warehouse == "" && count != 1:
		return errNoWarehouse
	}
	return nil
}

func readBindings(in map[string]bindingDoc) ([]grammar.Binding, error) {
	list := make([]grammar.Binding, len(in))
	for position, b := range in {
		n, err := strconv.Atoi(position)
		if err != nil || n < 1 || n > len(in) {
			return nil, badRequest("bindings must be numbered from 1.")
		}
		list[n-1] = grammar.Binding{Type: b.Type, Value: b.Value}
	}
	return list, nil
}

// checkQuery refuses parameters that the stand-in would ignore.
func checkQuery(query url.Values, known ...string) error {
	for name := range query {
		if !slices.Contains(known, name) {
			return badRequest("query parameter " + name + " is not imitated by this stand-in.")
		}
	}
	return nil
}

func isUUID(s string) bool {
	plain := strings.ReplaceAll(s, "-", "")
	_, err := hex.DecodeString(plain)
	return err == nil && len(plain) == 32 && len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-'
}

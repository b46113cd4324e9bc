package snowflake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// reply is one answer of a server that follows a script; a status of 0 drops
// the connection.
type reply struct {
	status int
	body   string
}

const (
	accepted = `{"code":"333334","message":"in progress","statementHandle":"h1"}`
	done     = `{"code":"090001","statementHandle":"h1","resultSetMetaData":{"rowType":[{"name":"N"}],"partitionInfo":[{"rowCount":1}]},"data":[["1"]]}`
	crowded  = `{"code":"390505","message":"Too many requests."}`
)

// sent is what the server saw of a request.
type sent struct {
	Method, Path, Query, Authorization, Type, Body string
}

type server struct {
	*httptest.Server
	mu      sync.Mutex
	replies []reply
	seen    []sent
}

// script starts a server that answers with the replies in their order; the last
// one again and again.
func serve(t *testing.T, replies ...reply) *server {
	t.Helper()
	s := &server{replies: replies}
	s.Server = httptest.NewTLSServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.seen = append(s.seen, sent{
		r.Method, r.URL.Path, r.URL.RawQuery, r.Header.Get("Authorization"), r.Header.Get("X-Snowflake-Authorization-Token-Type"), string(body),
	})
	next := s.replies[0]
	if len(s.replies) > 1 {
		s.replies = s.replies[1:]
	}
	s.mu.Unlock()
	if next.status == 0 {
		panic(http.ErrAbortHandler)
	}
	if next.status == http.StatusTemporaryRedirect {
		w.Header().Set("Location", next.body)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(next.status)
	_, _ = io.WriteString(w, next.body)
}

func (s *server) requests() []sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

// numbered gives a new token each time.
type numbered struct {
	mu sync.Mutex
	n  int
}

func (c *numbered) Token(context.Context) (Token, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return Token{Type: keyPairType, Value: fmt.Sprintf("secret-%d", c.n), Expires: time.Now().Add(time.Hour)}, nil
}

// connect returns a client of the server that does not wait between requests.
func (s *server) connect() *client {
	c := newClient(s.URL, s.Client(), &numbered{})
	c.pause = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	return c
}

func TestRequestsAreRepeatedWhereItCanHelp(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]reply{
		"too many requests":     {429, crowded},
		"internal error":        {500, `{"code":"000001","message":"x"}`},
		"bad gateway":           {502, `<html>`},
		"unavailable":           {503, ``},
		"gateway timeout":       {504, ``},
		"connection lost":       {0, ``},
		"answer is not JSON":    {202, `<html>`},
		"answer is cut in half": {202, `{"code":"3333`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, first, first, reply{202, accepted})
			a, err := s.connect().submit(t.Context(), "id-1", statement{Statement: "SELECT 1"}, false)
			if err != nil || !a.Running || a.Handle != "h1" {
				t.Fatalf("%+v, %v", a, err)
			}
			body := `{"statement":"SELECT 1"}`
			again := sent{"POST", "/api/v2/statements", "async=true&requestId=id-1&retry=true", "Bearer secret-1", keyPairType, body}
			want := []sent{{"POST", "/api/v2/statements", "async=true&requestId=id-1", "Bearer secret-1", keyPairType, body}, again, again}
			if diff := cmp.Diff(want, s.requests()); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

func TestStatusIsAskedAgain(t *testing.T) {
	t.Parallel()
	s := serve(t, reply{429, crowded}, reply{503, ``}, reply{0, ``}, reply{200, done})
	a, err := s.connect().status(t.Context(), "h/1")
	if err != nil || a.Running || a.Data[0][0] == nil || *a.Data[0][0] != "1" {
		t.Fatalf("%+v, %v", a, err)
	}
	for _, r := range s.requests() {
		if r.Method != http.MethodGet || r.Query != "" || r.Path != "/api/v2/statements/h/1" {
			t.Errorf("request %+v", r)
		}
	}
}

func TestRefusalsAreNotRepeated(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		reply reply
		want  []string
	}{
		"statement failed": {reply{422, `{"code":"000904","message":"invalid identifier 'AFAF'","sqlState":"42000","statementHandle":"h9"}`}, []string{"h9", "000904", "42000"}},
		"timeout":          {reply{408, `{"code":"000630","message":"x","statementHandle":"h9"}`}, []string{"h9", "cancelled", "timeout"}},
		"bad request":      {reply{400, `{"code":"390142","message":"no valid payload"}`}, []string{"400", "390142", "no valid payload"}},
		"forbidden":        {reply{403, ``}, []string{"403", "network policy"}},
		"redirect":         {reply{307, "https://elsewhere.invalid/"}, []string{"307"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, test.reply)
			_, err := s.connect().status(t.Context(), "h9")
			wantError(t, err, test.want...)
			if n := len(s.requests()); n != 1 {
				t.Errorf("%d requests, want 1", n)
			}
		})
	}
}

func TestSnowflakeIsGivenUpAtLast(t *testing.T) {
	t.Parallel()
	s := serve(t, reply{503, ``})
	_, err := s.connect().status(t.Context(), "h1")
	wantError(t, err, "503")
	if n := len(s.requests()); n != sends {
		t.Errorf("%d requests, want %d", n, sends)
	}
}

func TestRefusedTokenIsRenewedOnce(t *testing.T) {
	t.Parallel()
	refusal := reply{401, `{"code":"390144","message":"JWT token is invalid. ...secret-1"}`}
	s := serve(t, refusal, reply{200, done})
	c := s.connect()
	if _, err := c.status(t.Context(), "h1"); err != nil {
		t.Fatal(err)
	}
	if r := s.requests(); len(r) != 2 || r[0].Authorization != "Bearer secret-1" || r[1].Authorization != "Bearer secret-2" {
		t.Errorf("requests %+v", r)
	}
	s = serve(t, refusal)
	_, err := s.connect().status(t.Context(), "h1")
	wantError(t, err, "401", "390144", "LOGIN_HISTORY")
	if strings.Contains(err.Error(), "secret") || len(s.requests()) != 2 {
		t.Errorf("error is %v after %d requests", err, len(s.requests()))
	}
}

var errLate = errors.New("late")

func TestWaitingEndsWithTheContext(t *testing.T) {
	t.Parallel()
	s := serve(t, reply{503, ``})
	c := s.connect()
	ctx, cancel := context.WithCancelCause(t.Context())
	c.pause = func(ctx context.Context, _ time.Duration) error {
		cancel(errLate)
		return context.Cause(ctx)
	}
	_, err := c.status(ctx, "h1")
	if !errors.Is(err, errLate) || !errors.Is(err, context.Canceled) || len(s.requests()) != 1 {
		t.Errorf("error is %v after %d requests", err, len(s.requests()))
	}
}

func TestUnknownServerIsNotTrusted(t *testing.T) {
	t.Parallel()
	s := serve(t, reply{200, done})
	c := newClient(s.URL, nil, &numbered{}) // knows the public authorities only
	c.pause = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	_, err := c.status(t.Context(), "h1")
	wantError(t, err, "certificate")
	if len(s.requests()) != 0 {
		t.Errorf("%d requests", len(s.requests()))
	}
}

func TestRowsOfAllPartitions(t *testing.T) {
	t.Parallel()
	s := serve(t, reply{200, `{"statementHandle":"h1","resultSetMetaData":{"rowType":[{"name":"A"}],"partitionInfo":[{},{},{}]},"data":[["1"]]}`},
		reply{200, `{"data":[["2"],[null]]}`}, reply{200, `{"data":[["3"]]}`})
	c := s.connect()
	a, err := c.status(t.Context(), "h1")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := c.rows(t.Context(), a)
	got, _ := json.Marshal(rows)
	if err != nil || string(got) != `[["1"],["2"],[null],["3"]]` {
		t.Errorf("rows %s, %v", got, err)
	}
	if r := s.requests(); len(r) != 3 || r[1].Query != "partition=1" || r[2].Query != "partition=2" {
		t.Errorf("requests %+v", r)
	}
}

func TestBackoffDoublesWithinItsBounds(t *testing.T) {
	t.Parallel()
	for attempt := 1; attempt < 20; attempt++ {
		full := min(shortestPause<<(attempt-1), longestPause)
		for range 100 {
			if got := backoff(attempt); got < full/2 || got > full {
				t.Fatalf("pause %d is %s, want %s to %s", attempt, got, full/2, full)
			}
		}
	}
}

func TestRequestIDsNameWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	id := requestID("load", 0, "text")
	if id != requestID("load", 0, "text") {
		t.Error("the same request has two names")
	}
	for _, other := range []string{requestID("other", 0, "text"), requestID("load", 1, "text"), requestID("load", 0, "texts"), randomID()} {
		if other == id || len(other) != 36 || strings.Count(other, "-") != 4 {
			t.Errorf("ids %s and %s", id, other)
		}
	}
}

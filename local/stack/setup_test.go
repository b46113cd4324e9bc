package stack_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/local/compare"
	"github.com/stagelift/stagelift/local/stack"
	"github.com/stagelift/stagelift/shared/run"
	"github.com/stagelift/stagelift/shared/table"
)

// bundle is a stack of the test's own.
type bundle struct {
	*stack.Stack
	*testing.T
	source, target *pgx.Conn
	whole          map[string]bool // receipts that were found to be whole
	said           *record
}

// root is the project's folder, as seen from this package.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// setup starts a stack and fills its source.
func setup(t *testing.T, o stack.Options, sql string) *bundle {
	t.Helper()
	said := newRecord(t)
	o.Root = root(t)
	o.Log, o.FunctionLog, o.OnResult = said.servers, func(string) io.Writer { return said.functions }, said.result
	if o.RetryDelays == nil {
		o.RetryDelays = []time.Duration{10 * time.Millisecond, 20 * time.Millisecond}
	}
	s, err := stack.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing the stack: %v", err)
		}
		if t.Failed() {
			text := said.functions.String()
			t.Logf("the end of the functions' log:\n%s", text[max(0, len(text)-4000):])
		}
	})
	b := &bundle{Stack: s, T: t, source: connect(t, s.RDS.AdminURL()), target: connect(t, s.WarehouseURL), whole: map[string]bool{}, said: said}
	t.Cleanup(func() { said.wantNoSecrets(b) })
	b.exec(sql)
	return b
}

// on is the same stack in a subtest.
func (b *bundle) on(t *testing.T) *bundle {
	t.Helper()
	inner := *b
	inner.T = t
	return &inner
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := compare.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func (b *bundle) exec(sql string) {
	b.Helper()
	if _, err := b.source.PgConn().Exec(b.Context(), sql).ReadAll(); err != nil {
		b.Fatalf("%.200s: %v", sql, err)
	}
}

// tryExtract invokes extract and returns what it answered or why it failed.
func (b *bundle) tryExtract(request string) (run.Answer, error) {
	b.Helper()
	result, err := b.Functions.Invoke(b.Context(), "extract", []byte(request))
	if err != nil {
		return run.Answer{}, err
	}
	if result.Error != nil {
		return run.Answer{}, result.Error
	}
	var answer run.Answer
	return answer, json.Unmarshal(result.Payload, &answer)
}

func (b *bundle) extract(request string) run.Answer {
	b.Helper()
	answer, err := b.tryExtract(request)
	if err != nil {
		b.Fatal(err)
	}
	return answer
}

// await waits until every event is dealt with, and fails if one was given up.
func (b *bundle) await() {
	b.Helper()
	if err := b.Idle(b.Context()); err != nil {
		b.Fatal(err)
	}
	for _, letter := range b.DeadLetters() {
		b.Errorf("%s gave up: %v\n%s", letter.Function, letter.Error, letter.Payload)
	}
}

// wantEqual checks that the warehouse holds what the source holds.
func (b *bundle) wantEqual(names ...string) {
	b.Helper()
	for _, text := range names {
		name, err := table.ParseName(text)
		if err != nil {
			b.Fatal(err)
		}
		result, err := compare.Table(b.Context(), b.source, b.target, name)
		if err != nil {
			b.Error(err)
			continue
		}
		if !result.Equal {
			b.Errorf("%s: %d rows in the source, %d loaded, not equal", name, result.SourceRows, result.LoadedRows)
		}
	}
}

// count returns the rows of a warehouse table; 0 where there is none.
func (b *bundle) count(name string) int {
	b.Helper()
	var n int
	err := b.target.QueryRow(b.Context(), "SELECT count(*) FROM "+name).Scan(&n)
	if err != nil && !strings.Contains(err.Error(), "does not exist") {
		b.Fatal(err)
	}
	return n
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		err = errors.New("none")
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("got error %q, want one with %q", err, part)
		}
	}
}

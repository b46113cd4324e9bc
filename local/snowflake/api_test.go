package snowflake

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const someID = "0c1c2d3e-0000-4000-8000-00000000000a"

func TestStatements(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must("CREATE TABLE t (id NUMBER(10,0) NOT NULL, name VARCHAR(5) COMMENT 'text')")
	if got := b.must("INSERT INTO t VALUES (1, 'a'), (2, NULL)"); got.Stats.Inserted != 2 || got.rows()[0] != "2" {
		t.Errorf("INSERT answers %q, %+v", got.rows(), got.Stats)
	}
	got := b.must("SELECT id, name, COUNT(*) OVER () AS n FROM t ORDER BY id")
	if diff := cmp.Diff([]string{"1|a|2", "2|NULL|2"}, got.rows()); diff != "" {
		t.Error(diff)
	}
	b.mustFail("000904", "invalid identifier", "SELECT nothing FROM t")
	b.mustFail("002003", "does not exist", "SELECT 1 FROM nothing")
	b.mustFail("100051", "Division by zero", "SELECT 1 / 0")
	b.mustFail("100038", "Numeric value 'stagelift rows 2' is not recognized",
		"SELECT CAST(CASE WHEN COUNT(*) = 3 THEN '1' ELSE 'stagelift rows ' || COUNT(*) END AS NUMBER(38,0)) FROM t")
	b.mustFail("100072", "non-nullable", "INSERT INTO t (name) VALUES ('x')")
	b.mustFail("100078", "too long", "INSERT INTO t VALUES (3, 'longer')")
	if got := b.must("SELECT 1 / 2, 10 % 4, 'a' || 'b'").rows()[0]; !strings.HasPrefix(got, "0.5000") || !strings.HasSuffix(got, "|2|ab") {
		t.Errorf("arithmetic is %s", got)
	}
}

func TestValuesAreEncodedAsTheAPIDoes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must("CREATE TABLE t (b BOOLEAN, d DATE, t TIME(6), ntz TIMESTAMP_NTZ(6), tz TIMESTAMP_TZ(6), f FLOAT, bin BINARY, v VARIANT, n NUMBER(9,3))")
	b.must(`INSERT INTO t SELECT TRUE, '2020-01-01', '23:01:59.000001', '1969-12-31 23:59:58.5', '2021-03-19 17:06:59+01', 'inf', ` +
		`TO_BINARY('C0de', 'HEX'), PARSE_JSON('{"a": 1}'), 1.0005`)
	want := []string{"true|18262|82919.000001000|-1.500000000|1616170019.000000000 1440|inf|C0DE|{\"a\": 1}|1.001"}
	got := b.run("SELECT * FROM t")
	if diff := cmp.Diff(want, got.rows()); diff != "" {
		t.Error(got.Message, diff)
	}
}

func TestPartitions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	values := strings.TrimSuffix(strings.Repeat("(1),", 2500), ",")
	b.must("CREATE TABLE t (i NUMBER)")
	b.must("INSERT INTO t VALUES " + values)
	first := b.must("SELECT i FROM t")
	rows := len(first.Data)
	for number := 1; number < len(first.Meta.Partitions); number++ {
		part := b.get(first.Handle, "?partition="+string(rune('0'+number)))
		if int64(len(part.Data)) != first.Meta.Partitions[number].Rows || part.Code != "" {
			t.Errorf("partition %d has %d rows, code %q", number, len(part.Data), part.Code)
		}
		rows += len(part.Data)
	}
	if rows != 2500 || first.Meta.Rows != 2500 || len(first.Meta.Partitions) != 3 {
		t.Errorf("%d rows in %d partitions", rows, len(first.Meta.Partitions))
	}
	if got := b.get(first.Handle, "?partition=3"); got.status != http.StatusBadRequest {
		t.Errorf("a partition too many: status %d", got.status)
	}
}

func TestAsynchronousAndSlowStatements(t *testing.T) {
	t.Parallel()
	gate := make(chan struct{})
	b := setup(t, func(o *Options) {
		o.SyncWait = 50 * time.Millisecond
		o.BeforeStatement = func(ctx context.Context, _ string, _ int, sql string) error {
			if sql == "SELECT 'slow'" {
				select {
				case <-gate:
				case <-ctx.Done():
				}
			}
			return nil
		}
	})
	slow := b.run("SELECT 'slow'")
	if slow.status != http.StatusAccepted || slow.Code != "333334" || slow.Handle == "" {
		t.Fatalf("status %d, code %s", slow.status, slow.Code)
	}
	if got := b.get(slow.Handle, ""); got.status != http.StatusAccepted || got.Code != "333334" {
		t.Errorf("status %d, code %s", got.status, got.Code)
	}
	canceled := b.post("?async=true", body("SELECT 'slow'"))
	if got := b.do(b.request(http.MethodPost, root+"/"+canceled.Handle+"/cancel", "")); got.status != http.StatusOK || got.Code != "000604" {
		t.Errorf("cancel: status %d, code %s", got.status, got.Code)
	}
	if got := b.get(canceled.Handle, ""); got.status != http.StatusUnprocessableEntity || got.Code != "000604" {
		t.Errorf("what was cancelled: status %d, code %s", got.status, got.Code)
	}
	close(gate)
	if got := b.wait(slow.Handle); got.status != http.StatusOK || got.rows()[0] != "slow" {
		t.Errorf("status %d, %q", got.status, got.rows())
	}
	for handle, code := range map[string]string{slow.Handle: "000605", "unknown": "000709"} {
		if got := b.do(b.request(http.MethodPost, root+"/"+handle+"/cancel", "")); got.status != http.StatusUnprocessableEntity || got.Code != code {
			t.Errorf("cancel of %s: status %d, code %s", handle, got.status, got.Code)
		}
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) {
		o.BeforeStatement = func(ctx context.Context, _ string, _ int, sql string) error {
			if sql == "SELECT 'slow'" {
				<-ctx.Done()
			}
			return nil
		}
	})
	in := body("SELECT 'slow'")
	in["timeout"] = 1
	got := b.post("", in)
	if got.status != http.StatusRequestTimeout || got.Code != "000630" {
		t.Errorf("status %d, code %s", got.status, got.Code)
	}
	if got := b.get(got.Handle, ""); got.status != http.StatusUnprocessableEntity || got.Code != "000630" {
		t.Errorf("asked again: status %d, code %s", got.status, got.Code)
	}
}

func TestRepeatedRequests(t *testing.T) {
	t.Parallel()
	var lose atomic.Bool
	b := setup(t, func(o *Options) {
		o.AfterRequest = func(_ context.Context, r Request) *Fault {
			if r.SQL != "" && lose.Swap(false) {
				return &Fault{Status: http.StatusInternalServerError}
			}
			return nil
		}
	})
	b.must("CREATE TABLE t (i NUMBER)")
	insert := body("INSERT INTO t VALUES (1)")
	count := func() string { return b.must("SELECT COUNT(*) FROM t").rows()[0] }

	lose.Store(true)
	if got := b.post("?requestId="+someID, insert); got.status != http.StatusInternalServerError {
		t.Fatalf("status %d", got.status)
	}
	again := b.post("?retry=true&requestId="+someID, insert)
	if again.status != http.StatusOK || count() != "1" {
		t.Errorf("status %d, %s rows: a success is not run again", again.status, count())
	}
	b.post("?requestId="+someID, insert)
	if count() != "2" {
		t.Errorf("%s rows: without retry it is run again", count())
	}
	if got := b.post("?retry=true&requestId="+someID, body("SELECT 1")); got.status != http.StatusBadRequest {
		t.Errorf("another request of the same id: status %d", got.status)
	}
	const otherID = "0c1c2d3e-0000-4000-8000-00000000000b"
	failing := body("INSERT INTO later VALUES (1)")
	first := b.post("?requestId="+otherID, failing)
	b.must("CREATE TABLE later (i NUMBER)")
	second := b.post("?retry=true&requestId="+otherID, failing)
	if first.status != http.StatusUnprocessableEntity || second.status != http.StatusOK || first.Handle == second.Handle {
		t.Errorf("a failure is run again: status %d, then %d", first.status, second.status)
	}
	var fresh []bool
	for _, r := range b.server.Statements() {
		if r.RequestID == someID {
			fresh = append(fresh, r.Fresh)
		}
	}
	if diff := cmp.Diff([]bool{true, false, true}, fresh); diff != "" {
		t.Error(diff)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	var next atomic.Pointer[Fault]
	b := setup(t, func(o *Options) {
		o.BeforeRequest = func(context.Context, Request) *Fault { return next.Swap(nil) }
	})
	next.Store(TooManyRequests())
	if got := b.run("CREATE TABLE t (i NUMBER)"); got.status != http.StatusTooManyRequests || got.Code != "390505" {
		t.Errorf("status %d, code %s", got.status, got.Code)
	}
	next.Store(&Fault{Status: http.StatusServiceUnavailable})
	if got := b.run("CREATE TABLE t (i NUMBER)"); got.status != http.StatusServiceUnavailable {
		t.Errorf("status %d", got.status)
	}
	next.Store(&Fault{})
	response, err := http.DefaultClient.Do(b.request(http.MethodPost, root, `{"statement": "SELECT 1"}`))
	if err == nil {
		_ = response.Body.Close()
		t.Error("the connection was not cut")
	}
	b.must("CREATE TABLE t (i NUMBER)") // none of them did it
}

func TestRequestsThatAreNotTaken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, c := range map[string]struct {
		change func(*http.Request)
		status int
	}{
		"no user agent":        {func(r *http.Request) { r.Header.Set("User-Agent", "") }, http.StatusBadRequest},
		"no accept":            {func(r *http.Request) { r.Header.Del("Accept") }, http.StatusBadRequest},
		"no content type":      {func(r *http.Request) { r.Header.Del("Content-Type") }, http.StatusBadRequest},
		"another content type": {func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, http.StatusUnsupportedMediaType},
		"another path":         {func(r *http.Request) { r.URL.Path = "/api/v2/hello" }, http.StatusNotFound},
		"another method":       {func(r *http.Request) { r.Method = http.MethodPut }, http.StatusMethodNotAllowed},
		"an odd requestId":     {func(r *http.Request) { r.URL.RawQuery = "requestId=7" }, http.StatusBadRequest},
		"an odd parameter":     {func(r *http.Request) { r.URL.RawQuery = "nullable=false" }, http.StatusBadRequest},
		"no token":             {func(r *http.Request) { r.Header.Del("Authorization") }, http.StatusUnauthorized},
	} {
		r := b.request(http.MethodPost, root, `{"statement": "SELECT 1"}`)
		c.change(r)
		if got := b.do(r); got.status != c.status {
			t.Errorf("%s: status %d, want %d", name, got.status, c.status)
		}
	}
	for name, text := range map[string]string{
		"not JSON": "x", "an unknown field": `{"statement": "SELECT 1", "sql": ""}`, "a parameter": `{"statement": "SELECT 1", "parameters": {"DATE_OUTPUT_FORMAT": "YYYY"}}`,
	} {
		if got := b.do(b.request(http.MethodPost, root, text)); got.status != http.StatusBadRequest || got.Code != "390142" {
			t.Errorf("%s: status %d, code %s", name, got.status, got.Code)
		}
	}
}

func TestContext(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must("CREATE SCHEMA s", "CREATE TABLE s.t (i NUMBER)")
	for name, c := range map[string]struct {
		change, value, statement, code string
	}{
		"another role":             {"role", "OTHER", "SELECT 1", "390189"},
		"role in lower case":       {"role", "loader", "SELECT 1", "390189"},
		"another warehouse":        {"warehouse", "OTHER", "SELECT 1", "002043"},
		"no warehouse for a query": {"warehouse", "", "SELECT 1", "000606"},
		"another database":         {"database", "OTHER", "SELECT 1", "002003"},
		"no database":              {"database", "", "SELECT i FROM t", "090105"},
		"no schema":                {"schema", "", "SELECT i FROM t", "090106"},
		"a schema that is not":     {"schema", "NONE", "SELECT 1", "002003"},
		"a database in a name":     {"schema", "", "SELECT i FROM other.s.t", "002003"},
	} {
		in := body(c.statement)
		in[c.change] = c.value
		if got := b.post("", in); got.status != http.StatusUnprocessableEntity || got.Code != c.code {
			t.Errorf("%s: status %d, code %s: %s", name, got.status, got.Code, got.Message)
		}
	}
	in := body("SELECT COUNT(*) FROM raw.s.t")
	in["schema"], in["database"] = "", ""
	if got := b.post("", in); got.status != http.StatusOK {
		t.Errorf("a full name: status %d: %s", got.status, got.Message)
	}
}

func TestBindings(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := body("SELECT ?::NUMBER + 1, ? || 'b'")
	in["bindings"] = map[string]any{"2": map[string]string{"type": "TEXT", "value": "it's"}, "1": map[string]string{"type": "FIXED", "value": "41"}}
	if got := b.post("", in); got.status != http.StatusOK || got.rows()[0] != "42|it'sb" {
		t.Errorf("status %d, %q: %s", got.status, got.rows(), got.Message)
	}
	several := body("SELECT ?", "SELECT 1")
	several["bindings"] = map[string]any{"1": map[string]string{"type": "FIXED", "value": "1"}}
	if got := b.post("", several); got.status != http.StatusBadRequest {
		t.Errorf("with several statements: status %d", got.status)
	}
}

package redshift

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata/types"
	"github.com/google/go-cmp/cmp"
)

// COPY lists what it reads, be it a prefix or the entries of a manifest, and
// reads it: the role needs both.
func TestCopyPolicy(t *testing.T) {
	t.Parallel()
	policy := &Policy{}
	b := setup(t, func(o *Options) { o.CopyPolicy = policy })
	in := func(path string) string { return "s3://" + b.bucket.Name + "/" + path }
	b.must("CREATE TABLE t (i INT, s VARCHAR(10))")
	b.put("landing/a", []byte("1,x\n"))
	manifest := b.putManifest("manifests/m", entry(in("landing/a"), true, -1))
	for _, c := range []struct {
		list, get []string
		sql, want string
	}{
		{nil, []string{in("landing/")}, copyFrom(in("landing/"), ""), "no s3:ListBucket for " + in("landing/")},
		{[]string{in("landing/")}, nil, copyFrom(in("landing/"), ""), "no s3:GetObject for " + in("landing/a")},
		{[]string{in("landing/x")}, []string{in("landing/")}, copyFrom(in("landing/"), ""), "no s3:ListBucket"},
		{[]string{in("landing/")}, []string{in("landing/")}, copyFrom(in("landing/"), ""), ""},
		{[]string{in("landing/")}, []string{in("landing/")}, copyFrom(manifest, "MANIFEST"), "no s3:GetObject for " + manifest},
		{[]string{in("manifests/")}, []string{in("")}, copyFrom(manifest, "MANIFEST"), "no s3:ListBucket for " + in("landing/a")},
		{[]string{in("")}, []string{in("")}, copyFrom(manifest, "MANIFEST"), ""},
	} {
		*policy = Policy{List: c.list, Get: c.get}
		if c.want == "" {
			b.must(c.sql)
			continue
		}
		b.mustFail([]string{"S3ServiceException:Access Denied,Status 403", c.want}, c.sql)
	}
}

// interleave runs two batches: the second one whole while the first one waits
// before its last statement. It returns the error of the first, or nothing.
func interleave(t *testing.T, change func(*Options), tables, first, second []string) string {
	t.Helper()
	g := newGate()
	waiting := false
	b := setup(t, change, func(o *Options) {
		o.BeforeStatement = func(ctx context.Context, _ string, index int, sql string) error {
			if waiting && index == len(first)-1 && sql == first[index] {
				return g.wait(ctx)
			}
			return nil
		}
	})
	b.must(tables...)
	waiting = true
	id := b.submit(first...)
	<-g.inside
	b.must(second...)
	close(g.open)
	return aws.ToString(b.wait(id).Error)
}

var snapshot = func(*Options) {}

func serializable(o *Options) { o.Serializable = true }

// The two transactions of "Troubleshooting serializable isolation errors":
// no order of them gives what each has read.
func TestSerializableIsolation(t *testing.T) {
	t.Parallel()
	tables := []string{"CREATE TABLE tab1 (i INT)", "CREATE TABLE tab2 (i INT)"}
	first := []string{"SELECT i FROM tab1", "INSERT INTO tab2 VALUES (1)"}
	second := []string{"INSERT INTO tab1 VALUES (1)", "SELECT i FROM tab2"}
	if got := interleave(t, snapshot, tables, first, second); got != "" {
		t.Errorf("under SNAPSHOT: %s", got)
	}
	if got := interleave(t, serializable, tables, first, second); !strings.Contains(got, "ERROR: 1023 DETAIL: Serializable isolation violation on table") {
		t.Errorf("under SERIALIZABLE: %q", got)
	}
	locked := append([]string{"LOCK tab1, tab2"}, second...)
	if got := interleave(t, serializable, tables, []string{"SELECT 1", "INSERT INTO tab2 VALUES (1)"}, locked); got != "" {
		t.Errorf("with tables that are locked first: %s", got)
	}
}

// Updates of other rows go together, updates of the same row do not ("SNAPSHOT
// and SERIALIZABLE isolation"), and SERIALIZABLE calls both by 1023.
func TestUpdatesOfTheSameRow(t *testing.T) {
	t.Parallel()
	tables := []string{"CREATE TABLE numbers (digits INT)", "INSERT INTO numbers VALUES (0), (1)"}
	first := func(where string) []string {
		return []string{"SELECT * FROM numbers", "UPDATE numbers SET digits = 1 WHERE digits = " + where}
	}
	second := []string{"UPDATE numbers SET digits = 0 WHERE digits = 1"}
	const conflict = "ERROR: could not complete because of conflict with concurrent transaction"
	for name, c := range map[string]struct {
		change      func(*Options)
		where, want string
	}{
		"other rows, snapshot":     {snapshot, "0", ""},
		"other rows, serializable": {serializable, "0", "ERROR: 1023 DETAIL: Serializable isolation violation on table"},
		"same row, snapshot":       {snapshot, "1", conflict},
		"same row, serializable":   {serializable, "1", "ERROR: 1023 DETAIL: Serializable isolation violation on table"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := interleave(t, c.change, tables, first(c.where), second)
			if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
				t.Errorf("error is %q, want %q", got, c.want)
			}
		})
	}
}

// A row that is updated first thing holds up whoever else updates it, so that it
// can lock a ledger.
func TestLockRow(t *testing.T) {
	t.Parallel()
	g := newGate()
	b := setup(t, func(o *Options) {
		o.BeforeStatement = func(ctx context.Context, _ string, _ int, sql string) error {
			if sql == "SELECT 1" {
				return g.wait(ctx)
			}
			return nil
		}
	})
	b.must("CREATE TABLE l (id VARCHAR(8), n INT)", "INSERT INTO l VALUES ('', 0)")
	const lock = "UPDATE l SET n = n + 1 WHERE id = ''"
	first := b.submit(lock, "SELECT 1", "INSERT INTO l VALUES ('a', 1)")
	<-g.inside
	second := b.submit(lock, "SELECT 1 / CASE WHEN COUNT(*) = 0 THEN 1 ELSE 0 END FROM l WHERE id = 'a'")
	b.waitForLock()
	close(g.open)
	if got := b.wait(first); got.Status != types.StatusStringFinished {
		t.Errorf("first: %s", aws.ToString(got.Error))
	}
	if got := aws.ToString(b.wait(second).Error); got != "Query #2 failed with ERROR: division by zero" {
		t.Errorf("second: %q", got)
	}
}

func TestRowWidth(t *testing.T) {
	t.Parallel()
	const wide = "CREATE TABLE t (a VARCHAR(65535), b VARCHAR(65535), c INT)"
	b := setup(t, func(o *Options) { o.RowWidth = 65535 + 4 })
	url := b.put("in/a", []byte("x,1\n"))
	b.must(wide)
	const limit = "ERROR: 8001 DETAIL: The combined length of columns processed in the SQL statement exceeded the query-processing limit of 65535 characters"
	b.mustFail([]string{limit}, "INSERT INTO t VALUES ('a', 'b', 1)")
	b.mustFail([]string{limit}, "COPY t FROM '"+url+"' IAM_ROLE '"+testRole+"' CSV")
	b.must("INSERT INTO t (a, c) VALUES ('a', 1)", "COPY t (a, c) FROM '"+url+"' IAM_ROLE '"+testRole+"' CSV")

	b = setup(t)
	b.must(wide, "INSERT INTO t VALUES ('a', 'b', 1)")
}

// With the parameter on, quoted names keep their case, in the catalogue too.
func TestCaseSensitiveIdentifiers(t *testing.T) {
	t.Parallel()
	for on, want := range map[bool][][]any{
		true:  {{"Orders", "Id", "on"}, {"Orders", "n", "on"}, {"orders", "x", "on"}},
		false: {{"orders", "id", "off"}, {"orders", "n", "off"}},
	} {
		b := setup(t, func(o *Options) { o.CaseSensitive = on })
		b.must(`CREATE TABLE IF NOT EXISTS "Orders" ("Id" INT, N INT)`, `CREATE TABLE IF NOT EXISTS orders (x INT)`,
			`INSERT INTO "Orders" ("Id") VALUES (1)`, `SELECT "Id" FROM "Orders"`)
		id := b.submit("SELECT table_name, column_name, CURRENT_SETTING('enable_case_sensitive_identifier') FROM svv_columns " +
			"WHERE table_schema = 'public' ORDER BY table_name, ordinal_position")
		b.wait(id)
		if diff := cmp.Diff(want, b.records(id+":1")); diff != "" {
			t.Errorf("parameter %t: %s", on, diff)
		}
		url := b.put("in/a", []byte(`{"Id": 7}`))
		b.must(`DELETE FROM "Orders"`, `COPY "Orders" ("Id") FROM '`+url+`' IAM_ROLE '`+testRole+`' JSON 'auto'`)
	}
}

// A workgroup that sleeps lets the first statement wait, and the first after a
// pause.
func TestResume(t *testing.T) {
	t.Parallel()
	const resume = 300 * time.Millisecond
	c := newClock()
	b := setup(t, func(o *Options) { o.Resume, o.Idle, o.now = resume, 10*time.Second, c.now })
	status := func(id string) types.StatusString {
		out, err := b.client.DescribeStatement(t.Context(), &redshiftdata.DescribeStatementInput{Id: &id})
		if err != nil {
			t.Fatal(err)
		}
		return out.Status
	}
	for _, later := range []time.Duration{0, 11 * time.Second} {
		c.move(later)
		begun := time.Now()
		id := b.submit("SELECT 1")
		first := status(id)
		b.wait(id)
		if took := time.Since(begun); first != types.StatusStringSubmitted || took < resume {
			t.Errorf("%v later the statement was %s and took %v", later, first, took)
		}
		b.wait(b.submit("SELECT 1"))
	}
}

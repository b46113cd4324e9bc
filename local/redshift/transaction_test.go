package redshift

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata/types"
	"github.com/google/go-cmp/cmp"
)

func TestBatchIsAllOrNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must("CREATE TABLE t (i INT)")
	b.mustFail([]string{"Query #3 failed with ERROR: relation \"missing\" does not exist"},
		"INSERT INTO t VALUES (1)", "CREATE TABLE u (i INT)", "DELETE FROM missing")
	if diff := cmp.Diff([]string{"0 <nil>"}, b.look("SELECT count(*) || ' ' || coalesce(to_regclass('u')::text, '<nil>') FROM t")); diff != "" {
		t.Error(diff)
	}
}

func TestRefusesInABatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must("CREATE TABLE t (i INT NOT NULL, s VARCHAR(3))", "INSERT INTO t VALUES (1, 'abc')")
	for name, c := range map[string]struct{ sql, want string }{
		"truncate":            {"TRUNCATE t", "TRUNCATE is refused in a batch: on Redshift it commits"},
		"begin":               {"BEGIN", "BEGIN is refused"},
		"unknown grammar":     {"INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING", `Query #2 failed with ERROR: syntax error at or near "on" Position: 26`},
		"bytes of a VARCHAR":  {"INSERT INTO t VALUES (1, 'éé')", "Value too long for character type"},
		"characters, VARCHAR": {"INSERT INTO t VALUES (1, 'abcd')", "Value too long for character type"},
		"null":                {"INSERT INTO t VALUES (NULL, 'a')", "Cannot insert a NULL value into column i"},
	} {
		t.Run(name, func(*testing.T) {
			b.mustFail([]string{c.want}, "SELECT 1", c.sql)
		})
	}
	if diff := cmp.Diff([]string{"1"}, b.look("SELECT count(*)::text FROM t")); diff != "" {
		t.Error(diff)
	}
	out, err := b.client.ExecuteStatement(t.Context(), &redshiftdata.ExecuteStatementInput{
		Sql: aws.String("TRUNCATE TABLE t"), Database: aws.String(testDatabase), WorkgroupName: aws.String(testWorkgroup),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := b.wait(*out.Id); got.Status != types.StatusStringFinished {
		t.Errorf("TRUNCATE by itself: %s", aws.ToString(got.Error))
	}
}

func TestPrimaryKeysAreNotEnforced(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must("CREATE TABLE t (i INT, PRIMARY KEY (i))", "INSERT INTO t VALUES (1), (1)")
}

func TestTemporaryTablesGoWithTheBatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must("CREATE TEMP TABLE x (i INT)", "INSERT INTO x VALUES (1)", "SELECT COUNT(*) FROM x")
	b.mustFail([]string{`relation "x" does not exist`}, "SELECT COUNT(*) FROM x")
}

func TestLongNames(t *testing.T) {
	t.Parallel()
	b := setup(t)
	long := strings.Repeat("a", 100)
	b.must(`CREATE TABLE "`+long+`1" (i INT)`, `CREATE TABLE "`+long+`2" (i INT)`, `INSERT INTO "`+long+`1" VALUES (1)`)
	id := b.submit("SELECT table_name FROM svv_tables WHERE table_schema = 'public' AND table_name = '" + long + "2'")
	b.wait(id)
	out, err := b.client.GetStatementResult(t.Context(), &redshiftdata.GetStatementResultInput{Id: aws.String(id + ":1")})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Records) != 1 || out.Records[0][0].(*types.FieldMemberStringValue).Value != long+"2" {
		t.Errorf("svv_tables has %v", out.Records)
	}
}

func TestBrokenConnectionLeavesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) {
		o.BeforeStatement = func(_ context.Context, _ string, index int, _ string) error {
			if index == 2 {
				return errors.New("power failure")
			}
			return nil
		}
	})
	b.must("CREATE TABLE t (i INT)")
	b.mustFail([]string{"Query #3 failed with ERROR: connection to the warehouse was lost: power failure"},
		"LOCK t", "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)")
	b.must("LOCK TABLE t") // the lock went with the connection
	if diff := cmp.Diff([]string{"0"}, b.look("SELECT count(*)::text FROM t")); diff != "" {
		t.Error(diff)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	g := newGate()
	b := setup(t, func(o *Options) {
		o.BeforeStatement = func(ctx context.Context, _ string, index int, sql string) error {
			if index == 1 && sql == "SELECT 1" {
				return g.wait(ctx)
			}
			return nil
		}
	})
	b.must("CREATE TABLE t (i INT)")
	holder := b.submit("LOCK t", "SELECT 1")
	<-g.inside
	waiter := b.submit("INSERT INTO t VALUES (1)")
	b.waitForLock()
	out, err := b.client.CancelStatement(t.Context(), &redshiftdata.CancelStatementInput{Id: &waiter})
	if err != nil || !aws.ToBool(out.Status) {
		t.Fatalf("cancelling: %v", err)
	}
	if got := b.wait(waiter); got.Status != types.StatusStringAborted || got.SubStatements[0].Status != types.StatementStatusStringAborted {
		t.Errorf("status is %s, %s", got.Status, got.SubStatements[0].Status)
	}
	close(g.open)
	b.wait(holder)
	var invalid *types.ValidationException
	if _, err := b.client.CancelStatement(t.Context(), &redshiftdata.CancelStatementInput{Id: &holder}); !errors.As(err, &invalid) {
		t.Errorf("cancelling what has ended: %v", err)
	}
	if diff := cmp.Diff([]string{"0"}, b.look("SELECT count(*)::text FROM t")); diff != "" {
		t.Error(diff)
	}
}

func TestCloseEndsWhatRuns(t *testing.T) {
	t.Parallel()
	inside := make(chan struct{})
	b := setup(t, func(o *Options) {
		o.BeforeStatement = func(ctx context.Context, _ string, index int, _ string) error {
			if index == 1 {
				close(inside)
				<-ctx.Done()
			}
			return nil
		}
	})
	b.submit("CREATE TABLE t (i INT)", "INSERT INTO t VALUES (1)")
	<-inside
	if err := b.server.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"<nil>"}, b.look("SELECT coalesce(to_regclass('t')::text, '<nil>')")); diff != "" {
		t.Error(diff)
	}
}

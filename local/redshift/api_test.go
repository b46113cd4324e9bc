package redshift

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestResultsComeAsTheClientReadsThem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must(
		"CREATE TABLE t (i INT, b BOOLEAN, f DOUBLE PRECISION, d DECIMAL(20,2), s VARCHAR(10), n INT, w TIMESTAMP, h DATE)",
		"INSERT INTO t VALUES (1, TRUE, 1.5, 2.50, 'x', NULL, CAST('2026-01-02 03:04:05.5' AS TIMESTAMP), CAST('2026-01-02' AS DATE))",
	)
	out, err := b.client.ExecuteStatement(t.Context(), &redshiftdata.ExecuteStatementInput{
		Sql: aws.String("SELECT * FROM t"), Database: aws.String(testDatabase), WorkgroupName: aws.String(testWorkgroup),
	})
	if err != nil {
		t.Fatal(err)
	}
	if age := time.Since(aws.ToTime(out.CreatedAt)); age < 0 || age > time.Minute {
		t.Errorf("created %s ago", age)
	}
	described := b.wait(*out.Id)
	if described.Status != types.StatusStringFinished || !aws.ToBool(described.HasResultSet) || described.ResultRows != 1 ||
		aws.ToString(described.QueryString) != "SELECT * FROM t" || described.SubStatements != nil {
		t.Errorf("described as %+v", described)
	}
	got, err := b.client.GetStatementResult(t.Context(), &redshiftdata.GetStatementResultInput{Id: out.Id})
	if err != nil {
		t.Fatal(err)
	}
	want := [][]types.Field{{
		&types.FieldMemberLongValue{Value: 1}, &types.FieldMemberBooleanValue{Value: true}, &types.FieldMemberDoubleValue{Value: 1.5},
		&types.FieldMemberStringValue{Value: "2.50"}, &types.FieldMemberStringValue{Value: "x"}, &types.FieldMemberIsNull{Value: true},
		&types.FieldMemberStringValue{Value: "2026-01-02 03:04:05.5"}, &types.FieldMemberStringValue{Value: "2026-01-02"},
	}}
	ignore := cmpopts.IgnoreUnexported(types.FieldMemberLongValue{}, types.FieldMemberBooleanValue{}, types.FieldMemberDoubleValue{},
		types.FieldMemberStringValue{}, types.FieldMemberIsNull{})
	if diff := cmp.Diff(want, got.Records, ignore); diff != "" {
		t.Error(diff)
	}
	if got.TotalNumRows != 1 || len(got.ColumnMetadata) != 8 || aws.ToString(got.ColumnMetadata[3].TypeName) != "numeric" {
		t.Errorf("%d rows, columns %+v", got.TotalNumRows, got.ColumnMetadata)
	}
}

func TestResultsComeInPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	values := "(1)" + strings.Repeat(",(1)", 2*pageRows)
	id := b.submit("CREATE TABLE t (i INT)", "INSERT INTO t VALUES "+values, "SELECT i FROM t") + ":3"
	b.wait(id[:36])
	rows, pages := 0, redshiftdata.NewGetStatementResultPaginator(b.client, &redshiftdata.GetStatementResultInput{Id: &id})
	count := 0
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		rows, count = rows+len(page.Records), count+1
	}
	if rows != 2*pageRows+1 || count != 3 {
		t.Errorf("%d rows in %d pages", rows, count)
	}
}

func TestBatchDescribesItsStatements(t *testing.T) {
	t.Parallel()
	b := setup(t)
	out := b.run("CREATE TABLE t (i INT)", "INSERT INTO t VALUES (1), (2)", "SELECT 1 / 0", "SELECT 1")
	type line struct {
		Suffix, Status, Error string
		Rows                  int64
	}
	var got []line
	for _, sub := range out.SubStatements {
		suffix, _ := strings.CutPrefix(aws.ToString(sub.Id), aws.ToString(out.Id))
		got = append(got, line{suffix, string(sub.Status), aws.ToString(sub.Error), sub.ResultRows})
	}
	want := []line{
		{":1", "FINISHED", "", 0},
		{":2", "FINISHED", "", 2},
		{":3", "FAILED", "ERROR: division by zero", -1},
		{":4", "ABORTED", "", -1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if out.Status != types.StatusStringFailed || aws.ToString(out.Error) != "Query #3 failed with ERROR: division by zero" {
		t.Errorf("%s: %s", out.Status, aws.ToString(out.Error))
	}
	id := aws.ToString(out.Id) + ":2"
	sub, err := b.client.DescribeStatement(t.Context(), &redshiftdata.DescribeStatementInput{Id: &id})
	if err != nil || sub.ResultRows != 2 {
		t.Errorf("%+v, %v", sub, err)
	}
}

func TestRefusesRequests(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, c := range map[string]struct {
		change func(*redshiftdata.BatchExecuteStatementInput)
		want   string
	}{
		"no workgroup":      {func(in *redshiftdata.BatchExecuteStatementInput) { in.WorkgroupName = nil }, "WorkgroupName or SessionId must be"},
		"another workgroup": {func(in *redshiftdata.BatchExecuteStatementInput) { in.WorkgroupName = aws.String("x") }, "Redshift endpoint doesn't exist"},
		"a cluster":         {func(in *redshiftdata.BatchExecuteStatementInput) { in.ClusterIdentifier = aws.String("x") }, "Redshift endpoint doesn't exist"},
		"no database":       {func(in *redshiftdata.BatchExecuteStatementInput) { in.Database = nil }, "Database must be provided"},
		"no statement":      {func(in *redshiftdata.BatchExecuteStatementInput) { in.Sqls = []string{} }, "between 1 and 40"},
		"empty statement":   {func(in *redshiftdata.BatchExecuteStatementInput) { in.Sqls = []string{""} }, "statement 1 is empty"},
		"41 statements": {func(in *redshiftdata.BatchExecuteStatementInput) {
			in.Sqls = strings.Split(strings.Repeat("SELECT 1;", 41), ";")[:41]
		}, "between 1 and 40, has 41"},
		"long statement": {func(in *redshiftdata.BatchExecuteStatementInput) {
			in.Sqls = []string{"SELECT '" + strings.Repeat("x", 100_000) + "'"}
		}, "the maximum is 100000"},
		"parameters": {func(in *redshiftdata.BatchExecuteStatementInput) {
			in.Parameters = []types.SqlParameter{{Name: aws.String("a"), Value: aws.String("b")}}
		}, "Parameters is not imitated"},
		"session": {
			func(in *redshiftdata.BatchExecuteStatementInput) { in.SessionKeepAliveSeconds = aws.Int32(5) },
			"SessionKeepAliveSeconds is not imitated",
		},
		"csv":   {func(in *redshiftdata.BatchExecuteStatementInput) { in.ResultFormat = types.ResultFormatStringCsv }, "ResultFormat CSV is not"},
		"event": {func(in *redshiftdata.BatchExecuteStatementInput) { in.WithEvent = aws.Bool(true) }, "WithEvent is not imitated"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := b.input("SELECT 1")
			c.change(in)
			_, err := b.client.BatchExecuteStatement(t.Context(), in)
			var got *types.ValidationException
			if !errors.As(err, &got) || !strings.Contains(got.ErrorMessage(), c.want) {
				t.Errorf("error is %v, want a ValidationException with %q", err, c.want)
			}
		})
	}
}

func TestUnknownStatements(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.submit("CREATE TABLE t (i INT)")
	b.wait(id)
	for name, ask := range map[string]func(ctx context.Context) error{
		"describe": func(ctx context.Context) error {
			_, err := b.client.DescribeStatement(ctx, &redshiftdata.DescribeStatementInput{Id: aws.String(newUUID())})
			return err
		},
		"cancel": func(ctx context.Context) error {
			_, err := b.client.CancelStatement(ctx, &redshiftdata.CancelStatementInput{Id: aws.String(newUUID())})
			return err
		},
		"number beyond the batch": func(ctx context.Context) error {
			_, err := b.client.DescribeStatement(ctx, &redshiftdata.DescribeStatementInput{Id: aws.String(id + ":2")})
			return err
		},
		"result of a statement without one": func(ctx context.Context) error {
			_, err := b.client.GetStatementResult(ctx, &redshiftdata.GetStatementResultInput{Id: aws.String(id + ":1")})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got *types.ResourceNotFoundException
			if err := ask(t.Context()); !errors.As(err, &got) || aws.ToString(got.ResourceId) == "" {
				t.Errorf("error is %v, want a ResourceNotFoundException", err)
			}
		})
	}
}

func TestUnknownDatabaseFails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := b.input("SELECT 1")
	in.Database = aws.String("prod")
	out, err := b.client.BatchExecuteStatement(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	got := b.wait(*out.Id)
	if got.Status != types.StatusStringFailed || aws.ToString(got.Error) != `FATAL: database "prod" does not exist` {
		t.Errorf("%s: %s", got.Status, aws.ToString(got.Error))
	}
}

func TestOtherOperationsAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.client.ListDatabases(t.Context(), &redshiftdata.ListDatabasesInput{Database: aws.String(testDatabase)})
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "UnknownOperationException" {
		t.Errorf("error is %v", err)
	}
}

package redshift

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata/types"
)

// What runs is listed from the moment that it was submitted, also while it holds
// a lock, to whoever has the role.
func TestRunningStatementIsListed(t *testing.T) {
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
	b.must("CREATE TABLE t (i INT)")
	in := b.input("LOCK t", "SELECT 1")
	in.StatementName = aws.String("load-1")
	out, err := b.client.BatchExecuteStatement(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	<-g.inside
	other := b.signedWith("AKIATEST", "secret", b.server.options.Region)
	list := func(want types.StatusString, of ...types.StatusString) {
		t.Helper()
		for _, status := range of {
			got, err := other.ListStatements(t.Context(), &redshiftdata.ListStatementsInput{
				StatementName: aws.String("load-1"), Status: status, RoleLevel: aws.Bool(true),
			})
			if err != nil || len(got.Statements) != 1 || aws.ToString(got.Statements[0].Id) != *out.Id || got.Statements[0].Status != want {
				t.Errorf("listed as %s: %+v, %v; want %s %s", status, got, err, *out.Id, want)
			}
		}
	}
	list(types.StatusStringStarted, types.StatusStringAll, types.StatusStringStarted)
	close(g.open)
	b.wait(*out.Id)
	list(types.StatusStringFinished, types.StatusStringAll, types.StatusStringFinished)
}

func TestListingOtherwiseIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for want, change := range map[string]func(*redshiftdata.ListStatementsInput){
		"without StatementName": func(in *redshiftdata.ListStatementsInput) { in.StatementName = nil },
		"without Status":        func(in *redshiftdata.ListStatementsInput) { in.Status = "" },
		"RoleLevel false":       func(in *redshiftdata.ListStatementsInput) { in.RoleLevel = aws.Bool(false) },
		"by ClusterIdentifier":  func(in *redshiftdata.ListStatementsInput) { in.ClusterIdentifier = aws.String("c") },
		"Database":              func(in *redshiftdata.ListStatementsInput) { in.Database = aws.String(testDatabase) },
		"WorkgroupName":         func(in *redshiftdata.ListStatementsInput) { in.WorkgroupName = aws.String(testWorkgroup) },
		"MaxResults":            func(in *redshiftdata.ListStatementsInput) { in.MaxResults = 5 },
		"NextToken is not":      func(in *redshiftdata.ListStatementsInput) { in.NextToken = aws.String("x") },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			in := &redshiftdata.ListStatementsInput{StatementName: aws.String("load-1"), Status: types.StatusStringAll}
			change(in)
			_, err := b.client.ListStatements(t.Context(), in)
			var got *types.ValidationException
			if !errors.As(err, &got) || !strings.Contains(got.ErrorMessage(), want) {
				t.Errorf("error is %v, want a ValidationException with %q", err, want)
			}
		})
	}
}

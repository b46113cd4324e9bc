package redshift

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata/types"
)

// statementError is a statement that Redshift reports as failed or aborted.
type statementError struct {
	id      string
	index   int     // which of the batch failed, from 0; -1 when it is not told
	rows    []int64 // of each statement of the batch; -1 where it is not told
	status  types.StatusString
	message string
}

// Error names the statement as DescribeStatement takes it.
func (e *statementError) Error() string {
	id := e.id
	if e.index >= 0 {
		id = fmt.Sprintf("%s:%d", id, e.index+1)
	}
	return fmt.Sprintf("statement %s %s: %s", id, e.status, e.message)
}

// batch runs the statements as one transaction and waits for its end.
func (c *Client) batch(ctx context.Context, statements []string) (string, error) {
	out, err := c.api.BatchExecuteStatement(ctx, &redshiftdata.BatchExecuteStatementInput{
		Sqls:              statements,
		Database:          aws.String(c.config.Database),
		WorkgroupName:     optional(c.config.Workgroup),
		ClusterIdentifier: optional(c.config.ClusterID),
	})
	if err != nil {
		return "", fmt.Errorf("submitting to Redshift: %w", err)
	}
	return aws.ToString(out.Id), c.wait(ctx, aws.ToString(out.Id))
}

// query runs one SELECT and returns the first column of its first page, as text.
func (c *Client) query(ctx context.Context, statement string) ([]string, error) {
	out, err := c.api.ExecuteStatement(ctx, &redshiftdata.ExecuteStatementInput{
		Sql:               aws.String(statement),
		Database:          aws.String(c.config.Database),
		WorkgroupName:     optional(c.config.Workgroup),
		ClusterIdentifier: optional(c.config.ClusterID),
	})
	if err != nil {
		return nil, fmt.Errorf("submitting to Redshift: %w", err)
	}
	if err := c.wait(ctx, aws.ToString(out.Id)); err != nil {
		return nil, err
	}
	result, err := c.api.GetStatementResult(ctx, &redshiftdata.GetStatementResultInput{Id: out.Id})
	if err != nil {
		return nil, fmt.Errorf("reading the result of statement %s: %w", aws.ToString(out.Id), err)
	}
	var values []string
	for _, record := range result.Records {
		switch field := record[0].(type) {
		case *types.FieldMemberStringValue:
			values = append(values, field.Value)
		case *types.FieldMemberLongValue:
			values = append(values, fmt.Sprint(field.Value))
		default:
			return nil, fmt.Errorf("reading the result of statement %s: unexpected %T", aws.ToString(out.Id), field)
		}
	}
	return values, nil
}

// longestPause bounds the pause between two looks at a statement.
const longestPause = 10 * time.Second

// wait polls a statement until it ends.
func (c *Client) wait(ctx context.Context, id string) error {
	for pause := c.config.PollEvery; ; pause = min(pause*3/2, longestPause) {
		out, err := c.api.DescribeStatement(ctx, &redshiftdata.DescribeStatementInput{Id: aws.String(id)})
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("waiting for statement %s, which goes on: %w", id, ended(ctx))
		case err != nil:
			return fmt.Errorf("asking for statement %s, which goes on: %w", id, err)
		}
		switch out.Status {
		case types.StatusStringFinished:
			return nil
		case types.StatusStringFailed, types.StatusStringAborted:
			return failure(id, out)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for statement %s, which goes on: %w", id, ended(ctx))
		case <-time.After(pause):
		}
	}
}

// ended says why ctx is over.
func ended(ctx context.Context) error {
	if cause := context.Cause(ctx); !errors.Is(cause, ctx.Err()) {
		return fmt.Errorf("%w: %w", cause, ctx.Err())
	}
	return ctx.Err()
}

// failure finds the statement of a batch that failed. In a batch that was
// aborted from outside none did.
func failure(id string, out *redshiftdata.DescribeStatementOutput) *statementError {
	e := &statementError{id: id, index: -1, status: out.Status, message: aws.ToString(out.Error)}
	for i, sub := range out.SubStatements {
		e.rows = append(e.rows, sub.ResultRows)
		if sub.Status == types.StatementStatusStringFailed && e.index < 0 {
			e.index = i
			if message := aws.ToString(sub.Error); message != "" {
				e.message = message
			}
		}
	}
	return e
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

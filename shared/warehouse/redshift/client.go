package redshift

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata/types"
)

// The limits of the Data API (Redshift management guide, "Considerations when
// calling the Data API").
const (
	maxStatementBytes = 100_000
	maxStatements     = 40
)

// description is how a statement stands, or how it ended.
type description struct {
	id      string
	status  types.StatusString
	message string
	// text is that of a single statement; a batch has subs.
	text string
	subs []types.SubStatementData
	// begun and over are when it was submitted, and when it was last heard of.
	begun, over time.Time
}

func (d description) running() bool {
	return d.status != types.StatusStringFinished && !d.failed()
}

func (d description) failed() bool {
	return d.status == types.StatusStringFailed || d.status == types.StatusStringAborted
}

// failedAt is the index of the statement of a batch that failed; -1 when none
// did, as in a batch that was aborted from outside.
func (d description) failedAt() int {
	for i, sub := range d.subs {
		if sub.Status == types.StatementStatusStringFailed {
			return i
		}
	}
	return -1
}

// Error names the statement as DescribeStatement takes it.
func (d description) Error() string {
	id, message := d.id, d.message
	if i := d.failedAt(); i >= 0 {
		id = fmt.Sprintf("%s:%d", id, i+1)
		if own := aws.ToString(d.subs[i].Error); own != "" {
			message = own
		}
	}
	return fmt.Sprintf("statement %s %s: %s", id, d.status, message)
}

func (w *Warehouse) describe(ctx context.Context, id string) (description, error) {
	out, err := w.api.DescribeStatement(ctx, &redshiftdata.DescribeStatementInput{Id: aws.String(id)}, few)
	if err != nil {
		return description{}, fmt.Errorf("asking for statement %s: %w", id, err)
	}
	return description{
		id: id, status: out.Status, message: aws.ToString(out.Error), text: aws.ToString(out.QueryString),
		subs: out.SubStatements, begun: aws.ToTime(out.CreatedAt), over: aws.ToTime(out.UpdatedAt),
	}, nil
}

// submit runs one statement in a transaction of its own.
func (w *Warehouse) submit(ctx context.Context, statement string) (string, error) {
	out, err := w.api.ExecuteStatement(ctx, &redshiftdata.ExecuteStatementInput{
		Sql: aws.String(statement), Database: aws.String(w.config.Database),
		WorkgroupName: optional(w.config.Workgroup), ClusterIdentifier: optional(w.config.ClusterID),
	})
	if err != nil {
		return "", fmt.Errorf("submitting to Redshift: %w", err)
	}
	return aws.ToString(out.Id), nil
}

// submitBatch runs the statements in one transaction. A name is what underWay
// finds a load by. One call that is repeated is one batch, by the token that the
// SDK gives it; a second call is a second batch, which waits for the first one's
// lock, and the ledger stops it.
func (w *Warehouse) submitBatch(ctx context.Context, name string, statements []string) (string, error) {
	in := &redshiftdata.BatchExecuteStatementInput{
		Sqls: statements, Database: aws.String(w.config.Database), StatementName: optional(name),
		WorkgroupName: optional(w.config.Workgroup), ClusterIdentifier: optional(w.config.ClusterID),
	}
	out, err := w.api.BatchExecuteStatement(ctx, in)
	if err != nil {
		return "", fmt.Errorf("submitting to Redshift: %w", err)
	}
	return aws.ToString(out.Id), nil
}

// rows returns what a query has answered, as text; NULL is empty.
func (w *Warehouse) rows(ctx context.Context, id string) ([][]string, error) {
	var rows [][]string
	pages := redshiftdata.NewGetStatementResultPaginator(w.api, &redshiftdata.GetStatementResultInput{Id: aws.String(id)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("reading the result of statement %s: %w", id, err)
		}
		for _, record := range page.Records {
			row := make([]string, len(record))
			for i, field := range record {
				if row[i], err = text(field); err != nil {
					return nil, fmt.Errorf("reading the result of statement %s: %w", id, err)
				}
			}
			rows = append(rows, row)
		}
	}
	return rows, nil
}

func text(field types.Field) (string, error) {
	switch field := field.(type) {
	case *types.FieldMemberStringValue:
		// A column of CHAR comes padded; nothing that is read here ends in blanks.
		return strings.TrimRight(field.Value, " "), nil
	case *types.FieldMemberLongValue:
		return strconv.FormatInt(field.Value, 10), nil
	case *types.FieldMemberBooleanValue:
		return strconv.FormatBool(field.Value), nil
	case *types.FieldMemberIsNull:
		return "", nil
	}
	return "", fmt.Errorf("unexpected %T", field)
}

// number reads a count; what is not one, NULL above all, is 0.
func number(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

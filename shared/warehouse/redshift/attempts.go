package redshift

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata/types"
	"github.com/aws/smithy-go"
)

// attempts are what the Data API lists of the batches of one name, that is, of
// one load. It lists those of the last day, whichever session of the function's
// role has submitted them ("ListStatements", RoleLevel).
//
// That a batch is running is all that is concluded from the list. One that has
// ended is no evidence, nor is one that is missing, since the list may be late:
// whether a load is done, the ledger says.
type attempts struct {
	// listed is false where the role may not list them.
	listed bool
	// running is the id of one that has not ended, or empty.
	running string
	count   int
}

// attempts lists the batches of that name.
func (w *Warehouse) attempts(ctx context.Context, name string) (attempts, error) {
	known := attempts{listed: true}
	pages := redshiftdata.NewListStatementsPaginator(w.api, &redshiftdata.ListStatementsInput{
		StatementName: aws.String(name), Status: types.StatusStringAll, RoleLevel: aws.Bool(true),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if denied(err) {
			w.tellDenied(ctx, err)
			return attempts{}, nil
		}
		if err != nil {
			return attempts{}, fmt.Errorf("looking for statements under way: %w", err)
		}
		for _, s := range page.Statements {
			known.count++
			if (description{status: s.Status}).running() {
				known.running = aws.ToString(s.Id)
			}
		}
	}
	return known, nil
}

// token names the next attempt: who asks for the same one meanwhile gets the
// same batch. Nil, where nobody can count them, lets the SDK make up one for
// each call: a fixed one would lead back to an attempt that failed, for as long
// as the Data API knows it.
func (a attempts) token(name string, statements []string) *string {
	if !a.listed {
		return nil
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %q", name, a.count, statements))
	return aws.String(hex.EncodeToString(sum[:]))
}

func denied(err error) bool {
	api, known := errors.AsType[smithy.APIError](err)
	return known && api.ErrorCode() == "AccessDeniedException"
}

// tellDenied says it once, since nothing but time is lost by it.
func (w *Warehouse) tellDenied(ctx context.Context, err error) {
	w.toldDenied.Do(func() {
		w.config.Log.WarnContext(ctx, "loads under way cannot be looked for, so a second delivery waits for the first; "+
			"let the function's role do redshift-data:ListStatements", slog.Any("error", err))
	})
}

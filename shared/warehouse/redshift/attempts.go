package redshift

import (
	"context"
	"errors"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata/types"
	"github.com/aws/smithy-go"

	"github.com/stagelift/stagelift/shared/warehouse"
)

// underWay is the id of a batch of that name, that is, of one load, which has
// not ended; empty when none is known. The Data API lists those of the last day,
// whichever session of the function's role has submitted them ("ListStatements",
// RoleLevel).
//
// It is a courtesy: who finds the batch waits for it, and who does not submits
// another one, which waits for the first one's lock and is stopped by the ledger.
// So it is asked for once, and whatever keeps it from being told is as if there
// were none: three calls a second are all that an account has, while loads come
// by the hundred. One that has ended is no evidence, nor is one that is missing,
// since the list may be late: whether a load is done, the ledger says.
func (w *Warehouse) underWay(ctx context.Context, load warehouse.Load) string {
	pages := redshiftdata.NewListStatementsPaginator(w.api, &redshiftdata.ListStatementsInput{
		StatementName: aws.String(batchName(w.config, load)), Status: types.StatusStringAll, RoleLevel: aws.Bool(true),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx, once)
		if err != nil {
			w.tellDenied(ctx, err)
			return ""
		}
		for _, s := range page.Statements {
			if (description{status: s.Status}).running() {
				return aws.ToString(s.Id)
			}
		}
	}
	return ""
}

// tellDenied says once that the right is missing, since nothing but time is lost
// by it.
func (w *Warehouse) tellDenied(ctx context.Context, err error) {
	api, known := errors.AsType[smithy.APIError](err)
	if !known || api.ErrorCode() != "AccessDeniedException" {
		return
	}
	w.toldDenied.Do(func() {
		w.config.Log.WarnContext(ctx, "loads under way cannot be looked for, so a second delivery waits for the first; "+
			"let the function's role do redshift-data:ListStatements", slog.Any("error", err))
	})
}

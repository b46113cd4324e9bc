package redshift

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stagelift/stagelift/shared/warehouse"
)

// rejectedLimit is how many rows that COPY left out are told one by one, errorsLimit
// how many of a COPY that failed.
const (
	rejectedLimit = 1000
	errorsLimit   = 20
)

// clockSkew is how far the clocks of the Data API and of the warehouse may be apart.
const clockSkew = 5 * time.Second

// errorFields leave the text of values out: it may be anybody's data.
const errorFields = "SELECT file_name, line_number, column_name, error_code, error_message FROM sys_load_error_detail WHERE "

// errorStatement selects what COPY found wrong, by the query's number.
func errorStatement(query int64, limit int) string {
	return errorFields + fmt.Sprintf("query_id = %d ORDER BY file_name, line_number LIMIT %d", query, limit)
}

// recentStatement selects it by who ran the load and when, for the case that the
// numbers which the Data API knows are others.
func recentStatement(ended description) string {
	const stamp = "2006-01-02 15:04:05"
	return errorFields + "user_id = current_user_id AND start_time BETWEEN " + quote(ended.begun.UTC().Add(-clockSkew).Format(stamp)) +
		" AND " + quote(ended.over.UTC().Add(clockSkew).Format(stamp)) +
		fmt.Sprintf(" ORDER BY file_name, line_number LIMIT %d", rejectedLimit)
}

// rejectedStatement selects what a COPY left out.
func rejectedStatement(load warehouse.Load, ended description) string {
	for _, sub := range ended.subs {
		if sub.QueryString != nil && strings.HasPrefix(*sub.QueryString, "COPY ") && strings.Contains(*sub.QueryString, quote(load.Manifest)) && sub.RedshiftQueryId > 0 {
			return errorStatement(sub.RedshiftQueryId, rejectedLimit)
		}
	}
	return recentStatement(ended)
}

func readErrors(rows [][]string) []warehouse.RowError {
	var list []warehouse.RowError
	for _, row := range rows {
		if len(row) == 5 {
			list = append(list, warehouse.RowError{
				File: row[0], Line: number(row[1]), Column: row[2], Code: row[3], Message: row[4],
			})
		}
	}
	return list
}

// ofLoad are those about the load's own files, where they are known.
func ofLoad(load warehouse.Load, list []warehouse.RowError) []warehouse.RowError {
	if len(load.Parts) == 0 {
		return list
	}
	keys := map[string]bool{}
	for _, part := range load.Parts {
		keys[part.Key] = true
	}
	return slices.DeleteFunc(list, func(e warehouse.RowError) bool {
		_, rest, _ := strings.Cut(strings.TrimPrefix(e.File, "s3://"), "/")
		return !keys[rest]
	})
}

// tell ends a load by what was asked about its rows: those that a COPY could not
// take, or the columns that a text is too long for.
func (w *Warehouse) tell(ctx context.Context, load warehouse.Load, at step, rows [][]string) (warehouse.Outcome, error) {
	if at.name == stepRejected {
		outcome, err := w.finish(ctx, load, at)
		outcome.Errors = readErrors(rows)
		if err == nil && len(outcome.Errors) == 0 {
			outcome.Warnings = append(outcome.Warnings, "which rows COPY refused is not told by sys_load_error_detail")
		}
		return outcome, err
	}
	failed, err := w.describe(ctx, at.of)
	switch {
	case err != nil:
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w", load.Target, err)
	case !w.ours(load, failed):
		return warehouse.Outcome{}, fmt.Errorf("loading %s: statement %s is not of load %s; give the handle that was answered for it", load.Target, at.of, load.ID)
	case at.name == stepFit:
		return warehouse.Outcome{Statements: []string{at.of}}, w.tooLong(load, failed, rows)
	case at.name == stepErrors && len(rows) == 0:
		recent := at.to(stepRecent)
		recent.of = at.of
		return w.begin(ctx, load, recent, recentStatement(failed))
	}
	outcome := warehouse.Outcome{Errors: readErrors(rows), Statements: []string{at.of}}
	if at.name == stepRecent {
		outcome.Errors = ofLoad(load, outcome.Errors)
		outcome.Errors = outcome.Errors[:min(len(outcome.Errors), errorsLimit)]
	}
	problems := []error{fmt.Errorf("loading %s: %w; nothing was changed", load.Target, failed)}
	for _, e := range outcome.Errors {
		problems = append(problems, fmt.Errorf("%s, line %d, column %s: %s (%s)", e.File, e.Line, e.Column, e.Message, e.Code))
	}
	return outcome, errors.Join(problems...)
}

// tooLong names the columns of the target that are shorter than what is staged: one
// of them refused a value.
func (w *Warehouse) tooLong(load warehouse.Load, failed description, rows [][]string) error {
	said := fmt.Errorf("loading %s: %w; nothing was changed", load.Target, failed)
	f, err := readLook(w.config, load, rows)
	columns, problem := targetColumns(load)
	if err != nil || problem != nil {
		return said
	}
	var short, remedy []string
	for _, column := range columns {
		have, there := f.target[w.config.fold(column.Name)]
		want, err := parseKind(column.kind)
		if err == nil && there && have.name == "VARCHAR" && want.name == "VARCHAR" && have.a < want.a {
			short = append(short, fmt.Sprintf("%q (%s)", column.Name, have.kind))
			remedy = append(remedy, fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %q TYPE %s", load.Target.SQL(), column.Name, column.kind))
		}
	}
	if short == nil {
		return said
	}
	return fmt.Errorf("%w: a text is too long for column %s: %w; widen what is too short: %s",
		warehouse.ErrColumn, strings.Join(short, " or "), said, strings.Join(remedy, "; "))
}

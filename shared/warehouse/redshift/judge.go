package redshift

import (
	"fmt"

	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// ledgerStatement selects what warehouse.Judge needs, and the last entry. Rows
// of an earlier version have no sequence.
func ledgerStatement(c Config, load warehouse.Load) string {
	book := ledger(c, load).SQL()
	return "SELECT COALESCE(sequence, 0), load_id, source, run, COALESCE(mode, 'append'), window_from, window_to, row_count FROM " + book +
		" WHERE load_id = " + quote(load.ID) + " OR source <> " + quote(load.Source.String()) +
		" OR sequence = (SELECT MAX(sequence) FROM " + book + ")" +
		" OR run = (SELECT MAX(run) FROM " + book + ")" +
		" OR run = (SELECT MAX(run) FROM " + book + " WHERE window_to IS NULL AND mode <> 'append')" +
		" OR run = (SELECT MAX(run) FROM " + book + " WHERE mode = 'replace')" +
		" OR sequence = (SELECT MAX(sequence) FROM " + book + " WHERE window_to IS NOT NULL)"
}

func readLedger(load warehouse.Load, rows [][]string) ([]warehouse.Entry, error) {
	entries := make([]warehouse.Entry, len(rows))
	for i, row := range rows {
		if len(row) != 8 {
			return nil, fmt.Errorf("reading the ledger of %s: %d fields, want 8", load.Target, len(row))
		}
		entries[i] = warehouse.Entry{
			Sequence: number(row[0]), Load: row[1], Source: unquoteSource(load, row[2]), Run: stage.RunID(row[3]),
			Mode: warehouse.Mode(row[4]), From: row[5], To: row[6], Rows: number(row[7]),
		}
	}
	return entries, nil
}

// unquoteSource gives the load's own source back as it was before quote wrote
// it.
func unquoteSource(load warehouse.Load, source string) string {
	if quote(source) == quote(load.Source.String()) {
		return load.Source.String()
	}
	return source
}

// last is the number of the ledger's last entry.
func last(entries []warehouse.Entry) int64 {
	var sequence int64
	for _, e := range entries {
		sequence = max(sequence, e.Sequence)
	}
	return sequence
}

// errorStatement selects what COPY found wrong, by the query's number. The
// text of values is left out: it may be anybody's data.
func errorStatement(query int64) string {
	return fmt.Sprintf("SELECT file_name, line_number, column_name, error_code, error_message FROM sys_load_error_detail"+
		" WHERE query_id = %d ORDER BY file_name, line_number LIMIT 20", query)
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

package redshift

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// ledgerColumns are those of a ledger. What a ledger lacks, because it was made
// by an earlier version, is added.
var ledgerColumns = []struct{ name, kind string }{
	{"sequence", "BIGINT"},
	{"load_id", "VARCHAR(64)"},
	{"source", "VARCHAR(512)"},
	{"run", "VARCHAR(32)"},
	{"mode", "VARCHAR(16)"},
	{"state", "VARCHAR(16)"},
	{"window_from", "VARCHAR(512)"},
	{"window_to", "VARCHAR(512)"},
	{"filter", "VARCHAR(64)"},
	{"absent", "VARCHAR(60000)"},
	{"swept", "BOOLEAN"},
	{"repairs", "VARCHAR(32)"},
	{"row_count", "BIGINT"},
	{"loaded_at", "TIMESTAMP DEFAULT SYSDATE"},
}

func createLedger(book table.Name) string {
	list := make([]string, len(ledgerColumns))
	for i, column := range ledgerColumns {
		list[i] = column.name + " " + column.kind
	}
	return "CREATE TABLE IF NOT EXISTS " + book.SQL() + " (" + strings.Join(list, ", ") + ")"
}

// lockRow puts the row into a ledger that its loads update first, as entry number
// 0. A second one, by two who did not see each other, does no harm: both are
// updated.
func lockRow(book table.Name) string {
	return "INSERT INTO " + book.SQL() + " (sequence, load_id, source, run, mode, state, row_count) SELECT 0, '', '', '', 'lock', 'lock', 0" +
		" FROM (SELECT COUNT(*) AS locks FROM " + book.SQL() + " WHERE load_id = '') AS l WHERE l.locks = 0"
}

// takeTurn begins a transaction. LOCK makes loads of a target follow each other.
// Should a snapshot be taken before it all the same, the one that comes second
// would not see what the first has entered; but it updates a row that the first has
// updated since, which no isolation level lets it do ("Isolation levels in Amazon
// Redshift"). The last statement makes sure that the ledger is the one that was
// judged, and that there was a row to update.
func takeTurn(book table.Name, entry warehouse.Entry) []statement {
	judged := fmt.Sprintf("COALESCE(MAX(sequence), 0) = %d AND COUNT(CASE WHEN load_id = %s THEN 1 END) = 0 AND COUNT(CASE WHEN load_id = '' THEN 1 END) > 0",
		entry.Sequence-1, quote(entry.Load))
	return []statement{
		{text: "LOCK TABLE " + book.SQL()},
		{text: "UPDATE " + book.SQL() + " SET loaded_at = SYSDATE WHERE load_id = ''"},
		{check: checkLedger, text: failUnless(judged, book.SQL())},
	}
}

// ledgerStatement selects what warehouse.Judge needs, the last entry, and the row
// that loads update: it has no source, so its source is another one. Rows of an
// earlier version have no sequence, and no word of what they left out.
func ledgerStatement(c Config, load warehouse.Load) string {
	book := ledger(c, load).SQL()
	from := " FROM " + book
	repairs := ""
	if load.Repairs != "" {
		repairs = " OR run = " + quote(string(load.Repairs))
	}
	return "SELECT COALESCE(sequence, 0), load_id, source, run, COALESCE(mode, 'append'), COALESCE(state, 'loaded'), window_from, window_to, " + filterKept +
		", absent, CASE WHEN swept THEN 1 ELSE 0 END, repairs, row_count" + from +
		" WHERE load_id = " + quote(load.ID) + " OR source <> " + quote(load.Source.String()) +
		" OR run > " + quote(string(load.Run)) + " OR state = 'abandoned' OR repairs = " + quote(string(load.Run)) + repairs +
		" OR sequence = (SELECT MAX(sequence)" + from + ")" +
		" OR sequence = (SELECT MAX(sequence)" + from + " WHERE window_to IS NOT NULL AND COALESCE(state, 'loaded') <> 'aside')" +
		" OR run = (SELECT MAX(run)" + from + " WHERE mode = 'replace')" +
		" OR run = (SELECT MAX(run)" + from + " WHERE window_to IS NULL AND COALESCE(state, 'loaded') = 'loaded' AND " + filterKept + " = '')"
}

// filterKept is what an entry says of its filter. An earlier version did not say:
// what it merged may have been anything.
const filterKept = "COALESCE(filter, CASE WHEN mode = 'merge' THEN '" + warehouse.UnknownFilter + "' ELSE '' END)"

// book is what a ledger says, as far as it was asked.
type book struct {
	entries []warehouse.Entry
	// last is the number of the last entry.
	last int64
	// lockable is true when the row that loads update is there.
	lockable bool
}

func readLedger(load warehouse.Load, rows [][]string) (book, error) {
	var b book
	for _, row := range rows {
		if len(row) != 13 {
			return book{}, fmt.Errorf("reading the ledger of %s: %d fields, want 13", load.Target, len(row))
		}
		if row[1] == "" {
			b.lockable = true
			continue
		}
		e := warehouse.Entry{
			Sequence: number(row[0]), Load: row[1], Source: unquoteSource(load, row[2]), Run: stage.RunID(row[3]),
			Mode: warehouse.Mode(row[4]), State: warehouse.State(row[5]), From: row[6], To: row[7],
			Filter: row[8], Absent: warehouse.AbsentColumns(row[9]), Swept: row[10] == "1", Repairs: stage.RunID(row[11]), Rows: number(row[12]),
		}
		b.entries, b.last = append(b.entries, e), max(b.last, e.Sequence)
	}
	return b, nil
}

// unquoteSource gives the load's own source back as it was before quote wrote
// it.
func unquoteSource(load warehouse.Load, source string) string {
	if quote(source) == quote(load.Source.String()) {
		return load.Source.String()
	}
	return source
}

// enter writes the ledger. It comes last, so its text tells whose batch it is.
func enter(book table.Name, e warehouse.Entry, rows, from string) statement {
	columns := "sequence, state, load_id, source, run, mode, filter, absent, swept, row_count"
	values := fmt.Sprintf("%d, %s, %s, %s, %s, %s, %s, %s, %t, %s", e.Sequence, quote(string(e.State)), quote(e.Load), quote(e.Source),
		quote(string(e.Run)), quote(string(e.Mode)), quote(e.Filter), quote(warehouse.AbsentMark(e.Absent)), e.Swept, rows)
	if e.Repairs != "" {
		columns, values = columns+", repairs", values+", "+quote(string(e.Repairs))
	}
	if e.To != "" {
		columns, values = columns+", window_from, window_to", values+", "+quote(e.From)+", "+quote(e.To)
	}
	return statement{text: "INSERT INTO " + book.SQL() + " (" + columns + ") SELECT " + values + from}
}

var enteredShape = regexp.MustCompile(`^INSERT INTO .* SELECT \d+, '(loaded|aside|skipped|abandoned)', `)

// entered is the state that a batch enters its load with.
func entered(ended description) warehouse.State {
	if len(ended.subs) == 0 {
		return ""
	}
	m := enteredShape.FindStringSubmatch(aws.ToString(ended.subs[len(ended.subs)-1].QueryString))
	if m == nil {
		return ""
	}
	return warehouse.State(m[1])
}

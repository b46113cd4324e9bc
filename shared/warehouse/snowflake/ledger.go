package snowflake

import (
	"errors"
	"fmt"
	"strings"

	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// ledgerColumns are those of a ledger, in their order. Those without NOT NULL are
// added to the ledgers of an earlier version.
var ledgerColumns = []struct{ name, kind string }{
	{"sequence", "NUMBER(19,0) NOT NULL"},
	{"load_id", "VARCHAR(64) NOT NULL"},
	{"source", "VARCHAR(1024) NOT NULL"},
	{"run", "VARCHAR(32) NOT NULL"},
	{"mode", "VARCHAR(16) NOT NULL"},
	{"state", "VARCHAR(16)"},
	{"window_from", "VARCHAR(255)"},
	{"window_to", "VARCHAR(255)"},
	{"filter", "VARCHAR(64)"},
	{"absent", "VARCHAR(60000)"},
	{"swept", "BOOLEAN"},
	{"repairs", "VARCHAR(32)"},
	{"row_count", "NUMBER(19,0) NOT NULL"},
	{"loaded_at", "TIMESTAMP_TZ(6) NOT NULL"},
}

func createLedger(book table.Name) string {
	list := make([]string, len(ledgerColumns))
	for i, column := range ledgerColumns {
		list[i] = column.name + " " + column.kind
	}
	return "CREATE TABLE IF NOT EXISTS " + book.SQL() + " (" + strings.Join(list, ", ") + ")"
}

// growLedger adds the columns that a ledger of an earlier version lacks.
func growLedger(book table.Name, there map[string]bool) []string {
	var list []string
	for _, column := range ledgerColumns {
		if !there[strings.ToUpper(column.name)] && !strings.HasSuffix(column.kind, "NOT NULL") {
			list = append(list, "ALTER TABLE "+book.SQL()+" ADD COLUMN IF NOT EXISTS "+column.name+" "+column.kind)
		}
	}
	return list
}

// book is what a ledger says, as far as it was asked.
type book struct {
	entries []warehouse.Entry
	// last is the number of the last entry; 0 when there is none.
	last int64
	// lockable is true when the row that loads lock is there.
	lockable bool
	// pending is a load whose table has not taken the target's place yet, or nil.
	pending *pending
}

// filterKept is what an entry says of its filter. An earlier version did not say:
// what it merged may have been anything.
const filterKept = "COALESCE(filter, CASE WHEN mode = 'merge' THEN '" + warehouse.UnknownFilter + "' ELSE '' END)"

// ledgerStatement selects what warehouse.Judge needs, the last entry, and the row
// that loads lock: it has no source, so its source is another one.
func ledgerStatement(c Config, load warehouse.Load) string {
	from := " FROM " + ledger(c, load).SQL()
	repairs := ""
	if load.Repairs != "" {
		repairs = " OR run = " + quote(string(load.Repairs))
	}
	return "SELECT sequence, load_id, source, run, mode, COALESCE(state, 'loaded'), window_from, window_to, " + filterKept +
		", absent, CASE WHEN swept THEN 1 ELSE 0 END, repairs, row_count" + from +
		" WHERE load_id = " + quote(load.ID) + " OR source <> " + quote(load.Source.String()) +
		" OR run > " + quote(string(load.Run)) + " OR state = 'abandoned' OR repairs = " + quote(string(load.Run)) + repairs +
		" OR sequence = (SELECT MAX(sequence)" + from + ")" +
		" OR sequence = (SELECT MAX(sequence)" + from + " WHERE window_to IS NOT NULL AND COALESCE(state, 'loaded') <> 'aside')" +
		" OR run = (SELECT MAX(run)" + from + " WHERE mode = 'replace')" +
		" OR run = (SELECT MAX(run)" + from + " WHERE window_to IS NULL AND COALESCE(state, 'loaded') = 'loaded' AND " + filterKept + " = '')"
}

// parseLedger reads the rows of ledgerStatement.
func parseLedger(rows [][]*string) (book, error) {
	var found book
	for _, row := range rows {
		if len(row) != 13 {
			return book{}, fmt.Errorf("a row has %d columns, want 13", len(row))
		}
		text := make([]string, len(row))
		for i, value := range row {
			if value != nil {
				text[i] = *value
			}
		}
		sequence, err := number(row[0])
		count, countErr := number(row[12])
		if err := errors.Join(err, countErr); err != nil {
			return book{}, err
		}
		if text[1] == "" {
			found.lockable = true
			continue
		}
		found.last = max(found.last, sequence)
		if isPending(warehouse.State(text[5])) {
			found.pending = &pending{load: text[1], state: text[5]}
			continue
		}
		found.entries = append(found.entries, warehouse.Entry{
			Sequence: sequence, Load: text[1], Source: text[2], Run: stage.RunID(text[3]), Mode: warehouse.Mode(text[4]),
			State: warehouse.State(text[5]), From: text[6], To: text[7], Filter: text[8], Absent: warehouse.AbsentColumns(text[9]),
			Swept: text[10] == "1", Repairs: stage.RunID(text[11]), Rows: count,
		})
	}
	return found, nil
}

// unchanged fails unless the ledger still says of the load what it said when it
// was judged. What is appended without a window needs no order among its like:
// other such loads of its source change nothing for it, so it need not be judged
// again after each.
func unchanged(c Config, load warehouse.Load, entry warehouse.Entry) string {
	this, last := "load_id = "+quote(load.ID), entry.Sequence-1
	condition := fmt.Sprintf("MAX(sequence) = %d AND COUNT(CASE WHEN %s THEN 1 END) = 0", last, this)
	if load.Mode == warehouse.Append && load.Window == nil {
		condition = fmt.Sprintf("COUNT(CASE WHEN %s OR load_id <> '' AND source <> %s OR sequence > %d AND (mode <> 'append' OR window_to IS NOT NULL) THEN 1 END) = 0",
			this, quote(load.Source.String()), last)
	}
	return ensure(checkLedger, condition, ledger(c, load).SQL())
}

// enter writes the load into the ledger, whose lock the transaction holds. The
// number is found anew, for the same reason.
func enter(c Config, load warehouse.Load, e warehouse.Entry) string {
	from, to, repairs := "NULL", "NULL", "NULL"
	if e.To != "" {
		from, to = quote(e.From), quote(e.To)
	}
	if e.Repairs != "" {
		repairs = quote(string(e.Repairs))
	}
	name := ledger(c, load).SQL()
	return fmt.Sprintf("INSERT INTO %s (sequence, load_id, source, run, mode, state, window_from, window_to, filter, absent, swept, repairs, row_count, loaded_at) "+
		"SELECT (SELECT MAX(sequence) + 1 FROM %s), %s, %s, %s, %s, %s, %s, %s, %s, %s, %t, %s, %s, CURRENT_TIMESTAMP()",
		name, name, quote(load.ID), quote(load.Source.String()), quote(string(load.Run)), quote(string(load.Mode)), quote(string(e.State)), from, to,
		quote(e.Filter), quote(warehouse.AbsentMark(e.Absent)), e.Swept, repairs, countOf(c, load))
}

// countOf is the number of rows that came.
func countOf(c Config, load warehouse.Load) string {
	if len(load.Parts) == 0 {
		return "0"
	}
	return "(SELECT COUNT(*) FROM " + stagingTable(c, load) + ")"
}

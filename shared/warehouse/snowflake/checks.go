package snowflake

// check names what a transaction makes sure of.
type check string

const (
	checkLock       check = "lock"       // nothing was there to be locked
	checkLedger     check = "ledger"     // the ledger is not the one that was judged
	checkRows       check = "rows"       // COPY brought another number of rows
	checkRejected   check = "rejected"   // COPY rejected too many rows
	checkKeys       check = "keys"       // staged keys are NULL
	checkDuplicates check = "duplicates" // staged keys are there twice
	checkTarget     check = "target"     // the target gained another number of rows
	checkMissing    check = "missing"    // staged rows are not in the target
	checkRemoved    check = "removed"    // deleted rows are still in the target
	checkSwept      check = "swept"      // COPY brought another number of the sweep's keys
	checkSweptKeys  check = "sweptkeys"  // keys of the sweep are NULL
)

// ensure fails unless the condition holds, and says how many rows it counted.
// The count is part of the text so that the text is not made, and refused,
// before anything was counted; and it is never NULL, as a text with a NULL in
// it would be.
func ensure(c check, condition, from string) string {
	return "SELECT CAST(CASE WHEN " + condition + " THEN '1' ELSE 'stagelift " + string(c) + " ' || COUNT(*)" +
		" END AS NUMBER(38,0)) FROM " + from
}

// none fails if there is a row.
func none(c check, from string) string { return ensure(c, "COUNT(*) = 0", from) }

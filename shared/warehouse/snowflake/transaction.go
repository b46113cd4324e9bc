package snowflake

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// transaction is the request that carries a load out.
type transaction struct {
	statements []string
	tell       telling
}

// telling says which statements of a request tell what, by their numbers from 0.
// It is part of a load's handle.
type telling struct {
	// Statements is how many there are.
	Statements int `json:"n"`
	// Copies tell what was read of each file.
	Copies []int `json:"c,omitempty"`
	// Updated tell how many rows they updated, Deleted how many they deleted, and
	// Marked how many they updated because they are deleted.
	Updated []int `json:"u,omitempty"`
	Deleted []int `json:"d,omitempty"`
	Marked  []int `json:"m,omitempty"`
	// Rejected list rows that COPY did not take.
	Rejected []int `json:"r,omitempty"`
	// Mark is that of the new table, where there is one.
	Mark string `json:"w,omitempty"`
}

func (tx *transaction) add(statements ...string) {
	tx.statements = append(tx.statements, statements...)
}

// told adds a statement whose answer is read, to a list of such.
func (tx *transaction) told(statement string, lists ...*[]int) {
	for _, list := range lists {
		*list = append(*list, len(tx.statements))
	}
	tx.add(statement)
}

// requestLimit is the longest text of a request (Snowflake reference, "Query
// size limits").
const requestLimit = 1_000_000

// text puts each statement on a line of its own, as the query history shows it.
func (tx *transaction) text() string { return strings.Join(tx.statements, ";\n") }

// plan says in full what a load will do that is entered into the ledger as the entry
// says, on the condition that the last one has the number before it; or every reason
// why it cannot be done.
func plan(c Config, t task, entry warehouse.Entry) (transaction, error) {
	if err := errors.Join(checkMode(t.Load), checkParts(t.Load), checkSweep(t)); err != nil {
		return transaction{}, err
	}
	tx := transaction{}
	tx.add(setSession(c))
	if err := tx.create(c, t); err != nil {
		return transaction{}, err
	}
	book := ledger(c, t.Load).SQL()
	tx.add("BEGIN TRANSACTION",
		"UPDATE "+book+" SET loaded_at = CURRENT_TIMESTAMP() WHERE load_id = ''",
		ensure(checkLock, "COUNT(CASE WHEN load_id = '' THEN 1 END) > 0 AND COUNT(CASE WHEN state LIKE 'swap%' THEN 1 END) = 0", book),
		unchanged(c, t.Load, entry))
	if err := tx.copyAbove(c, t); err != nil {
		return transaction{}, err
	}
	if entry.State == warehouse.Loaded || entry.State == warehouse.Aside {
		if err := tx.apply(c, t); err != nil {
			return transaction{}, err
		}
	}
	if t.Sweep != nil {
		if err := tx.sweep(c, t); err != nil {
			return transaction{}, err
		}
	}
	record := warehouse.Planned(t.Load, entry)
	record.Outcome.Statements = []string{queryTag(t.Load)}
	if t.swap == nil {
		tx.add(note(c, record, countOf(c, t.Load)), enter(c, t.Load, entry), "COMMIT")
	} else {
		tx.tell.Mark = t.swap.mark
		entry.State = warehouse.State(stateSwap + t.swap.mark)
		tx.add(enter(c, t.Load, entry), "COMMIT", t.swap.clone(c, t, t.ID),
			turn(c, t.Load, t.ID, stateSwap+t.swap.mark, stateSwapped+t.swap.mark))
		tx.add(t.swap.closing(c, t, t.ID)...)
		tx.add(note(c, record, countOf(c, t.Load)))
	}
	tx.tell.Statements = len(tx.statements)
	if size := len(tx.text()); size > requestLimit {
		return transaction{}, fmt.Errorf("the %d parts and %d columns make a request of %d bytes, Snowflake takes %d; stage fewer, larger parts",
			len(t.Parts), len(t.Columns), size, requestLimit)
	}
	return tx, nil
}

// create makes the tables that live as long as the request, before the
// transaction, which they would end.
func (tx *transaction) create(c Config, t task) error {
	if len(t.Parts) > 0 {
		staging, err := createStaging(t, stagingTable(c, t.Load))
		if err != nil {
			return err
		}
		tx.add(staging)
		if t.forgiving() {
			tx.add(createRejected(c, t.Load))
		}
	}
	if t.swap != nil {
		tx.add(t.swap.createNew(c, t)...)
	}
	if err := tx.createAbove(c, t); err != nil {
		return err
	}
	if t.Sweep != nil {
		keys, err := createStaging(t.keyTask(), sweepTable(c, t.Load))
		if err != nil {
			return err
		}
		tx.add(keys)
	}
	return nil
}

// apply copies the parts and puts their rows into the target.
func (tx *transaction) apply(c Config, t task) error {
	if len(t.Parts) == 0 {
		if t.Mode == warehouse.Replace && t.swap == nil {
			tx.add("DELETE FROM "+t.Target.SQL(), none(checkTarget, t.Target.SQL()))
		}
		return nil
	}
	if err := tx.copies(c, t); err != nil {
		return err
	}
	staging := stagingTable(c, t.Load)
	if err := tx.goUnder(c, t); err != nil {
		return err
	}
	columns, err := t.targetColumns()
	if err != nil {
		return err
	}
	switch t.Mode {
	case warehouse.Replace:
		into := t.Target
		if t.swap != nil {
			into = newTable(c, t.ID, t.swap.mark)
		} else {
			tx.add("DELETE FROM " + into.SQL())
		}
		tx.add(insert(c, t, into, columns), ensure(checkTarget, "COUNT(*) = (SELECT COUNT(*) FROM "+staging+")", into.SQL()))
	case warehouse.Append:
		tx.append(c, t, columns)
	case warehouse.Merge:
		tx.merge(c, t, columns)
	}
	return nil
}

// append notes in the lock row how many rows the target has: it is ours alone
// until the end of the transaction.
func (tx *transaction) append(c Config, t task, columns []targetColumn) {
	book, target, staging := ledger(c, t.Load).SQL(), t.Target.SQL(), stagingTable(c, t.Load)
	tx.add("UPDATE "+book+" SET row_count = (SELECT COUNT(*) FROM "+target+") WHERE load_id = ''",
		insert(c, t, t.Target, columns),
		ensure(checkTarget, "COUNT(*) = (SELECT MAX(row_count) FROM "+book+" WHERE load_id = '') + (SELECT COUNT(*) FROM "+staging+")", target))
}

func insert(c Config, t task, into table.Name, columns []targetColumn) string {
	return "INSERT INTO " + into.SQL() + " (" + named(columns) + ") SELECT " + values(columns) + " FROM " + stagingTable(c, t.Load) + " AS s"
}

func checkMode(load warehouse.Load) error {
	if load.Abandon != "" {
		return nil
	}
	switch load.Mode {
	case warehouse.Append, warehouse.Replace:
		return nil
	case warehouse.Merge:
		return checkMerge(load)
	}
	return fmt.Errorf("mode %q is not known here", load.Mode)
}

func checkMerge(load warehouse.Load) error {
	if len(load.Keys) == 0 {
		return errors.New("a merge needs keys")
	}
	columns := slices.Clone(load.Keys)
	for _, column := range []string{load.Newest, load.Deleted} {
		if column != "" {
			columns = append(columns, column)
		}
	}
	problem := known(load, columns)
	for _, column := range load.Columns {
		if image, err := table.ImageOf(column); column.Name == load.Deleted && (err != nil || image.Snowflake != "BOOLEAN") {
			problem = errors.Join(problem, fmt.Errorf("column %s says what is deleted, but is %s, not boolean",
				table.Quote(column.Name), sourceType(column)))
		}
	}
	return problem
}

func checkParts(load warehouse.Load) error {
	switch {
	case load.ID == "":
		return errors.New("the load has no id")
	case len(load.Columns) == 0 && load.Abandon == "":
		return errors.New("the load has no columns")
	case len(load.Parts) == 0 && load.Rows > 0:
		return fmt.Errorf("%d rows are staged, but no parts", load.Rows)
	}
	return nil
}

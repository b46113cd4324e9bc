package snowflake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// A replacement by swap fills a table of its own, which then takes the target's
// place. DDL commits on Snowflake and lets go of the ledger's lock, so the two
// cannot be one transaction. What makes them one all the same is the ledger:
//
//  1. In the transaction that has the lock the new table is filled and counted, and
//     the load's entry written in the state "swap:<mark>". From then on no other
//     load of the target passes its checks.
//  2. CREATE OR REPLACE TABLE … CLONE … COPY GRANTS puts the new table in the
//     target's place, in one step and without reading a row. Done again it does the
//     same, which is why it is not ALTER TABLE … SWAP WITH: that would bring the old
//     rows back.
//  3. The entry becomes "swapped:<mark>", the new table is dropped, so that who comes
//     late cannot do 2 any more, and the entry becomes "loaded".
//
// Snowflake does all that without anybody waiting. Where it stopped on the way,
// whoever comes next to the target, for whichever load, goes on from the state that
// he finds. A new table that is not there any more before it was cloned, or that
// cannot take the place, takes the load out of the ledger: it was not done.
type swap struct {
	// mark tells the new tables of one load apart, one for each request that it was
	// submitted under.
	mark string
	// transient is true where the target is; comment is the target's.
	transient bool
	comment   string
	// comments are those of the columns, anew those that have another type.
	comments map[string]string
	anew     []targetColumn
}

// The states of an entry before it is loaded, each with its mark after it.
const (
	stateSwap    = "swap:"
	stateSwapped = "swapped:"
)

const markLength = 8

// markOf is the same for the same request.
func markOf(load warehouse.Load, number int) string {
	sum := sha256.Sum256([]byte("stagelift swap\x00" + load.ID + "\x00" + strconv.Itoa(number)))
	return hex.EncodeToString(sum[:])[:markLength]
}

// newTable is where the rows lie until they take the target's place: with the
// ledgers, where the role may create tables.
func newTable(c Config, id, mark string) table.Name {
	return table.Name{Schema: c.LedgerSchema, Table: "stagelift_" + id[:min(16, len(id))] + "_" + mark}
}

func (s swap) kind() string {
	if s.transient {
		return "TRANSIENT TABLE "
	}
	return "TABLE "
}

// createNew makes the new table like the target, which has all the columns by now,
// with other types where those are to be.
func (s swap) createNew(c Config, t task) []string {
	name := newTable(c, t.ID, s.mark).SQL()
	list := []string{"CREATE " + s.kind() + name + " LIKE " + t.Target.SQL()}
	comments := maps.Clone(s.comments)
	for _, column := range s.anew {
		list = append(list, "ALTER TABLE "+name+" DROP COLUMN "+table.Quote(column.name),
			"ALTER TABLE "+name+" ADD COLUMN "+table.Quote(column.name)+" "+column.kind)
		comments[column.name] = column.comment
	}
	var said []string
	for _, column := range slices.Sorted(maps.Keys(comments)) {
		if comments[column] != "" {
			said = append(said, "COLUMN "+table.Quote(column)+" COMMENT "+quote(comments[column]))
		}
	}
	if len(said) > 0 {
		list = append(list, "ALTER TABLE "+name+" ALTER "+strings.Join(said, ", "))
	}
	if s.comment != "" {
		list = append(list, "COMMENT ON TABLE "+name+" IS "+quote(s.comment))
	}
	return list
}

// clone puts the new table in the target's place.
func (s swap) clone(c Config, t task, id string) string {
	return "CREATE OR REPLACE " + s.kind() + t.Target.SQL() + " CLONE " + newTable(c, id, s.mark).SQL() + " COPY GRANTS"
}

// turn changes the state of the entry, if it still is what it was.
func turn(c Config, load warehouse.Load, id, from, to string) string {
	return "UPDATE " + ledger(c, load).SQL() + " SET state = " + quote(to) + " WHERE load_id = " + quote(id) + " AND state = " + quote(from)
}

// closing is what is left to do once the target has the rows.
func (s swap) closing(c Config, t task, id string) []string {
	return []string{
		"DROP TABLE IF EXISTS " + newTable(c, id, s.mark).SQL(),
		turn(c, t.Load, id, stateSwapped+s.mark, string(warehouse.Loaded)),
	}
}

// pending is a load that is in the ledger and perhaps not in the target.
type pending struct{ load, state string }

func isPending(state warehouse.State) bool {
	return strings.HasPrefix(string(state), stateSwap) || strings.HasPrefix(string(state), stateSwapped)
}

// complete brings a swap to its end that stopped on the way, or takes it back. The
// error is that it could be neither, or why it was taken back.
func (w *Warehouse) complete(ctx context.Context, t task, p pending) error {
	s := swap{mark: p.state[strings.IndexByte(p.state, ':')+1:]}
	fresh := newTable(w.config, p.load, s.mark)
	there, err := w.tables(ctx, t.Target, fresh)
	if err != nil {
		return fmt.Errorf("looking at what a load of %s left: %w", t.Target, err)
	}
	s.transient = there[t.Target].transient
	if strings.HasPrefix(p.state, stateSwapped) {
		_, err = w.together(ctx, s.closing(w.config, t, p.load))
		return err
	}
	failed := (*statementError)(nil)
	if _, is := there[fresh]; is {
		_, err = w.together(ctx, append([]string{
			s.clone(w.config, t, p.load), turn(w.config, t.Load, p.load, stateSwap+s.mark, stateSwapped+s.mark),
		}, s.closing(w.config, t, p.load)...))
		if !errors.As(err, &failed) || failed.notFound() { // somebody else may have done it
			return err
		}
	}
	_, undoErr := w.together(ctx, []string{
		"DELETE FROM " + ledger(w.config, t.Load).SQL() + " WHERE load_id = " + quote(p.load) + " AND state = " + quote(stateSwap+s.mark),
		"DROP TABLE IF EXISTS " + fresh.SQL(),
	})
	if undoErr != nil {
		return fmt.Errorf("taking back load %s of %s: %w", p.load, t.Target, errors.Join(err, undoErr))
	}
	if p.load == t.ID && err != nil {
		return fmt.Errorf("putting the new table in the place of %s: %w; the role has to own it; nothing was changed", t.Target, err)
	}
	return nil
}

// dropNew drops the new table of a request that has failed. One that stays is in
// nobody's way.
func (w *Warehouse) dropNew(ctx context.Context, t task, mark string) {
	_, _ = w.together(ctx, []string{"DROP TABLE IF EXISTS " + newTable(w.config, t.ID, mark).SQL()})
}

// tableInfo is what a swap keeps of a table.
type tableInfo struct {
	transient bool
	comment   string
}

func tablesStatement(names ...table.Name) string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = "(table_schema = " + quote(name.Schema) + " AND table_name = " + quote(name.Table) + ")"
	}
	return "SELECT table_schema, table_name, is_transient, comment FROM information_schema.tables WHERE " + strings.Join(list, " OR ")
}

func (w *Warehouse) tables(ctx context.Context, names ...table.Name) (map[table.Name]tableInfo, error) {
	rows, err := w.query(ctx, tablesStatement(names...))
	if err != nil {
		return nil, err
	}
	found := map[table.Name]tableInfo{}
	for _, row := range rows {
		if len(row) != 4 || row[0] == nil || row[1] == nil {
			return nil, errors.New("a row of INFORMATION_SCHEMA.TABLES is not as documented")
		}
		info := tableInfo{transient: row[2] != nil && *row[2] == "YES"}
		if row[3] != nil {
			info.comment = *row[3]
		}
		found[table.Name{Schema: *row[0], Table: *row[1]}] = info
	}
	return found, nil
}

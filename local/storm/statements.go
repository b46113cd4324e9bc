package storm

import (
	"fmt"
	"math/rand/v2"
)

// dice draws what a writer does. Each writer has its own.
type dice struct{ *rand.Rand }

func newDice(seed, stream uint64) dice {
	return dice{rand.New(rand.NewPCG(seed, stream))} //nolint:gosec // a storm that can be drawn again is no secret
}

// one in n.
func (d dice) one(n int) bool { return d.IntN(n) == 0 }

func pick[T any](d dice, list []T) T { return list[d.IntN(len(list))] }

// awkward are notes that formats have to quote.
const awkward = `(ARRAY[NULL, '', 'plain', 'with "quotes", and commas', E'two\nlines', 'Zoë – 東京', '\N\N', E'tab\there'])[1 + n % 8]`

// usual is k of the n-th row: those of all partitions that there are at first.
const usual = "n % 40"

// fill returns a statement that inserts rows, with an expression for their k.
// Accounts have 100 each, but for rows that are to be attached.
func (t table) fill(name string, rows int, k string) string {
	amount := "0"
	if t.Account && k == usual {
		amount = "100"
	}
	at := t.stamp()
	if t.Cursor == "at" {
		at += " - interval '1 hour'" // old enough for the first run to read it
	}
	return fmt.Sprintf(`INSERT INTO %s (k, amount, note, at, ver, pad) SELECT %s, %s, %s, %s, v, truth.pad(v, %d)
		FROM (SELECT n, %s AS v FROM generate_series(1, %d) AS n) AS s`, name, k, amount, awkward, at, t.times(), t.version(), rows)
}

// version is the expression of a new version.
func (t table) version() string {
	if t.Shape == epoch {
		return "(extract(epoch FROM now()) * 1000000)::bigint"
	}
	return "nextval('truth.versions')"
}

// besides makes a table of the same columns, with rows whose k is 10 from first.
func (t table) besides(schema, name string, first int) []string {
	return []string{
		fmt.Sprintf("CREATE TABLE %s (LIKE %s INCLUDING ALL)", name, t.qualified(schema)),
		t.fill(name, 20, fmt.Sprintf("%d + n %% 10", first)),
		"SELECT truth.watch('" + name + "')",
	}
}

// insert adds some rows.
func (t table) insert(d dice, name string) string {
	if t.Shape == inherited && d.one(2) {
		name += "_c"
	}
	first := d.IntN(40)
	return fmt.Sprintf(`INSERT INTO %s (k, note, ver, pad) SELECT (%d + n) %% 40, %s, v, truth.pad(v, %d)
		FROM (SELECT n, %s AS v FROM generate_series(1, %d) AS n) AS s`, name, first, awkward, t.times(), t.version(), 1+d.IntN(8))
}

// some picks about one row in sixty, of large tables fewer.
func (t table) some(d dice) string {
	n := max(61, t.Rows/5)
	return fmt.Sprintf("id %% %d = %d", n, d.IntN(n))
}

// restamp moves the cursor where neither a default nor a trigger does.
func (t table) restamp() string {
	if t.Cursor == "at" && !t.ByTrigger {
		return ", at = " + t.stamp()
	}
	return ""
}

// update gives some rows another version, at times a longer one that has to go
// to another block.
func (t table) update(d dice, name string) string {
	times := t.times()
	if d.one(3) {
		times = min(2*times, 3*t.times()/2+3)
	}
	return fmt.Sprintf("UPDATE %s SET ver = %s, pad = truth.pad(ver, %d)%s WHERE %s", name, t.version(), times, t.restamp(), t.some(d))
}

// move gives some rows another k, and with it another partition.
func (t table) move(d dice, name string) string {
	return fmt.Sprintf("UPDATE %s SET k = (k + 10) %% 40, ver = %s%s WHERE k < 40 AND %s", name, t.version(), t.restamp(), t.some(d))
}

// remove deletes some rows.
func (t table) remove(d dice, name string) string {
	return fmt.Sprintf("DELETE FROM %s WHERE %s", name, t.some(d))
}

// any is a statement that the table's rules allow: accounts keep their sum, a
// table that is read incrementally never loses a row, and where the cursor is
// drawn once, no row changes.
func (t table) any(d dice, schema string) string {
	name := t.qualified(schema)
	statements := []func(dice, string) string{t.insert}
	if t.Cursor == "" || t.Merge {
		statements = append(statements, t.update, t.move)
	}
	if t.Cursor == "" && !t.Account {
		statements = append(statements, t.remove)
	}
	return pick(d, statements)(d, name)
}

// shift moves an amount away from one row of an account table, or to one.
func (t table) shift(d dice, schema string, amount int) string {
	name := t.qualified(schema)
	return fmt.Sprintf(`UPDATE %s SET amount = amount + %d, ver = nextval('truth.versions')
		WHERE id = (SELECT id FROM %s WHERE k = %d ORDER BY id OFFSET %d LIMIT 1)`, name, amount, name, d.IntN(40), d.IntN(4))
}

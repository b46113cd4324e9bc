package storm

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// change is something that happens to the schema.
type change struct {
	At time.Duration
	// Reading counts At from when extract begins to read.
	Reading bool
	Kind    string
	// Table, and With where there are two.
	Table, With string
	// Hold is how long the transaction stays open once it has done its work.
	Hold time.Duration
}

// alteration works a kind of change out: the statements of each of its
// transactions. What changes rows or names without a trigger's knowledge writes
// it down; named and held are added at the end of each transaction.
type alteration func(t table, c change, schema string) [][]string

// Changes that are single statements, which refuse to be in a transaction or
// change neither rows nor names.
var single = map[string]string{
	"vacuum full":        "VACUUM FULL %[1]s",
	"vacuum":             "VACUUM ANALYZE %[1]s",
	"cluster":            "CLUSTER %[1]s USING %[2]s_pkey",
	"index":              "CREATE INDEX ON %[1]s (k, at)",
	"index concurrently": "CREATE INDEX CONCURRENTLY ON %[1]s (amount)",
}

var alterations = map[string]alteration{
	"swap":           swap,
	"recreate":       recreate,
	"begin anew":     beginAnew,
	"reload":         reload,
	"exchange names": exchange,
	"attach":         attach,
	"attach new":     attachNew,
	"detach":         detach,
	"rename":         renameAway,
	"rename schema": func(_ table, _ change, schema string) [][]string {
		return [][]string{{"ALTER SCHEMA " + schema + " RENAME TO " + schema + "_x"}, {"ALTER SCHEMA " + schema + "_x RENAME TO " + schema}}
	},
	"exchange schema": exchangeSchema,
	"rename column": func(t table, _ change, schema string) [][]string {
		name := t.qualified(schema)
		return [][]string{
			{"ALTER TABLE " + name + " RENAME COLUMN note TO remark", again(name)},
			{"ALTER TABLE " + name + " RENAME COLUMN remark TO note", again(name)},
		}
	},
	"exchange columns":  exchangeColumns,
	"add column":        columns("ADD COLUMN extra int DEFAULT 7"),
	"add and rewrite":   columns("ADD COLUMN extra timestamptz DEFAULT clock_timestamp()"),
	"drop column":       columns("DROP COLUMN note"),
	"alter type":        columns("ALTER COLUMN note TYPE text"),
	"alter and rewrite": columns("ALTER COLUMN pad TYPE varchar(40000)"),
	"refresh": func(t table, _ change, schema string) [][]string {
		name := t.qualified(schema)
		return [][]string{{"REFRESH MATERIALIZED VIEW " + name, "SELECT truth.again('" + name + "')"}}
	},
	"refresh concurrently": func(t table, _ change, schema string) [][]string {
		name := t.qualified(schema)
		return [][]string{{"REFRESH MATERIALIZED VIEW CONCURRENTLY " + name, "SELECT truth.again('" + name + "')"}}
	},
}

// again writes all rows below a table down anew.
func again(name string) string {
	return "SELECT truth.again(rel::regclass) FROM unnest(truth.parts('" + name + "'::regclass, NULL)) AS rel"
}

func columns(alter string) alteration {
	return func(t table, _ change, schema string) [][]string {
		return [][]string{{"ALTER TABLE " + t.qualified(schema) + " " + alter, again(t.qualified(schema))}}
	}
}

// do makes the change. What the database refuses, or lets wait too long, is
// rolled back, and counts as not having happened.
func (c change) do(ctx context.Context, l *lane, schema string, t table) error {
	conn, err := l.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // whatever is open is rolled back
	if form, is := single[c.Kind]; is {
		_, err := conn.Exec(ctx, fmt.Sprintf(form, t.qualified(schema), t.Name))
		return err
	}
	if c.Kind == "detach concurrently" || c.Kind == "detach cancelled" {
		return detachConcurrently(ctx, l, conn, c, t.qualified(schema))
	}
	for i, statements := range alterations[c.Kind](t, c, schema) {
		if i > 0 {
			sleep(ctx, c.Hold)
		}
		if err := c.transact(ctx, conn, statements); err != nil {
			return err
		}
	}
	return nil
}

func (c change) transact(ctx context.Context, conn *pgx.Conn, statements []string) error {
	if _, err := conn.Exec(ctx, "BEGIN"); err != nil {
		return err
	}
	for _, statement := range append(statements, "SELECT truth.name_all()") {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	sleep(ctx, c.Hold)
	_, err := conn.Exec(context.WithoutCancel(ctx), "COMMIT")
	return err
}

// swap puts a copy in the table's place, as tools that change schemas online do.
func swap(t table, _ change, schema string) [][]string {
	name := t.qualified(schema)
	list := append([]string{
		"LOCK TABLE " + name + " IN SHARE ROW EXCLUSIVE MODE",
		fmt.Sprintf("CREATE TABLE %s_new (LIKE %[1]s INCLUDING ALL)", name),
		fmt.Sprintf("INSERT INTO %s_new SELECT * FROM ONLY %[1]s", name),
		fmt.Sprintf("SELECT truth.watch('%s_new')", name),
	}, t.triggers(schema, name+"_new")...)
	return [][]string{append(list,
		fmt.Sprintf("ALTER TABLE %s RENAME TO %s_old", name, t.Name),
		fmt.Sprintf("ALTER TABLE %s_new RENAME TO %s", name, t.Name))}
}

// recreate drops the table and makes it anew with the same rows.
func recreate(t table, _ change, schema string) [][]string {
	name := t.qualified(schema)
	list := []string{
		"LOCK TABLE " + name + " IN ACCESS EXCLUSIVE MODE",
		"CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT * FROM " + name,
		"DROP TABLE " + name,
	}
	list = append(list, t.declare(schema, name)...)
	list = append(list, "INSERT INTO "+name+" SELECT * FROM kept")
	for _, leaf := range t.leaves(name) {
		list = append(list, "SELECT truth.watch('"+leaf+"')")
	}
	return [][]string{list}
}

// beginAnew drops the table and makes one of the same name with other rows.
func beginAnew(t table, _ change, schema string) [][]string {
	name := t.qualified(schema)
	list := append([]string{"DROP TABLE " + name, "DROP SEQUENCE IF EXISTS " + name + "_id"}, t.declare(schema, name)...)
	list = append(list, t.fill(name, t.Rows, usual))
	for _, leaf := range t.leaves(name) {
		list = append(list, "SELECT truth.watch('"+leaf+"')")
	}
	return [][]string{list}
}

// reload empties the table and fills it with the same rows, in other versions.
func reload(t table, _ change, schema string) [][]string {
	name := t.qualified(schema)
	return [][]string{{
		"LOCK TABLE " + name + " IN ACCESS EXCLUSIVE MODE",
		"CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT * FROM " + name,
		"UPDATE kept SET ver = nextval('truth.versions')",
		"TRUNCATE " + name,
		"INSERT INTO " + name + " SELECT * FROM kept",
	}}
}

func exchange(t table, c change, schema string) [][]string {
	return [][]string{{
		fmt.Sprintf("ALTER TABLE %s.%s RENAME TO exchanged", schema, t.Name),
		fmt.Sprintf("ALTER TABLE %s.%s RENAME TO %s", schema, c.With, t.Name),
		fmt.Sprintf("ALTER TABLE %s.exchanged RENAME TO %s", schema, c.With),
	}}
}

func renameAway(t table, _ change, schema string) [][]string {
	return [][]string{
		{fmt.Sprintf("ALTER TABLE %s RENAME TO away", t.qualified(schema))},
		{fmt.Sprintf("ALTER TABLE %s.away RENAME TO %s", schema, t.Name)},
	}
}

// exchangeSchema puts another schema with a table of that name in the place of
// this one, and takes it away again.
func exchangeSchema(t table, _ change, schema string) [][]string {
	name := schema + "_n." + t.Name
	first := append([]string{"CREATE SCHEMA " + schema + "_n"}, t.declare(schema+"_n", name)...)
	return [][]string{
		append(first, t.fill(name, t.Rows/2, usual), "SELECT truth.watch('"+name+"')",
			fmt.Sprintf("ALTER SCHEMA %s RENAME TO %[1]s_o", schema), fmt.Sprintf("ALTER SCHEMA %s_n RENAME TO %[1]s", schema)),
		{
			fmt.Sprintf("ALTER SCHEMA %s RENAME TO %[1]s_n", schema), fmt.Sprintf("ALTER SCHEMA %s_o RENAME TO %[1]s", schema),
		},
	}
}

// exchangeColumns gives amount's name to a new column, which it fills.
func exchangeColumns(t table, _ change, schema string) [][]string {
	name := t.qualified(schema)
	return [][]string{
		{"ALTER TABLE " + name + " ADD COLUMN fresh bigint NOT NULL DEFAULT 0", again(name)},
		{
			"ALTER TABLE " + name + " RENAME COLUMN amount TO former", "ALTER TABLE " + name + " RENAME COLUMN fresh TO amount",
			again(name), "UPDATE " + name + " SET amount = former",
		},
	}
}

package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/table"
)

// describe puts together what is known about the chosen tables, and refuses
// those that cannot be read whole.
func (c *connection) describe(ctx context.Context, list []family, selection Selection) ([]*Table, []Refusal, error) {
	d := description{connection: c, list: list, selection: selection}
	for _, look := range []func(context.Context) error{d.lookAtColumns, d.lookAtKeys, d.lookAtSizes, d.lookAtStatistics, d.lookAtLeaves, d.lookAtRights, d.lookAtStandings} {
		if err := look(ctx); err != nil {
			return nil, nil, err
		}
	}
	var tables []*Table
	var refused []Refusal
	for _, f := range list {
		t, why := d.table(f)
		if why != nil {
			refused = append(refused, Refusal{Name: f.Name.String(), Err: why})
			continue
		}
		tables = append(tables, t)
	}
	return tables, refused, nil
}

// description is what the catalogue says of the chosen tables.
type description struct {
	*connection
	list      []family
	selection Selection

	columns    map[uint32][]column
	keys       map[uint32][]string
	sizes      map[uint32]size
	statistics map[statisticKey]statistic
	leaves     map[uint32]leafColumns // by root
	readable   map[uint32][]string
	standings  map[uint32]standing
}

// column is a column and its number in the catalogue.
type column struct {
	table.Column
	number int16
}

// leafColumns is what leaves make of a table's columns.
type leafColumns struct {
	nullable map[string]bool
	// virtual are the expressions of virtual generated columns, by leaf and
	// column; the table's own by its own OID.
	virtual map[uint32]map[string]string
}

func (d *description) roots() []uint32 {
	return oidsOf(d.list, func(f family) uint32 { return f.OID })
}

// everywhere lists roots and their leaves in pairs.
func (d *description) everywhere() (roots, leaves []uint32) {
	for _, f := range d.list {
		for _, leaf := range f.leaves {
			roots, leaves = append(roots, f.OID), append(leaves, leaf.OID)
		}
	}
	return roots, leaves
}

// table describes one table.
func (d *description) table(f family) (*Table, *fault.Error) {
	all := make([]table.Column, len(d.columns[f.OID]))
	t := &Table{Name: f.Name, OID: f.OID, Named: f.named, Apart: f.apart, kind: f.Kind, numbers: make(map[string]int16, len(all))}
	for i, column := range d.columns[f.OID] {
		all[i], t.numbers[column.Name] = column.Column, column.number
		all[i].Nullable = column.Nullable || d.leaves[f.OID].nullable[column.Name]
	}
	choice := d.selection.Columns[f.Name]
	var err error
	if t.Columns, err = choice.of(all); err != nil {
		return nil, fault.New(fault.TableRequest, "", "table %s: %w", f.Name, err)
	}
	names := make([]string, len(t.Columns))
	for i, column := range t.Columns {
		names[i] = column.Name
	}
	for _, column := range all {
		if !slices.Contains(names, column.Name) {
			t.LeftOut = append(t.LeftOut, column.Name)
		}
	}
	if refused := d.refuse(f, names, len(choice.Only)+len(choice.Except) > 0, d.readable); refused != nil {
		return nil, refused
	}
	if !f.inherited() {
		t.PrimaryKey = d.keys[f.OID]
	}
	for _, leaf := range f.leaves {
		t.Relations = append(t.Relations, d.relation(f, leaf, all))
	}
	t.Repeats = repeating(t, d.statistics)
	if len(t.Relations) == 0 { // partitioned, without a partition: no rows, but a table all the same
		t.Relations = []Relation{{OID: f.OID, Name: f.Name, from: reading{guarded: true, descend: true}}}
	}
	for _, member := range f.members {
		s := d.standings[member.OID]
		s.behind = member != f.relation && (f.Kind == "v")
		t.standing = append(t.standing, s)
	}
	t.lock = lockStatements(f)
	return t, nil
}

// relation describes one that holds rows of a table. What PostgreSQL computes of
// a virtual column depends on the table that a query names; a leaf that is read
// by its own name has to be told.
func (d *description) relation(f family, leaf *relation, columns []table.Column) Relation {
	z := d.sizes[leaf.OID]
	r := Relation{
		OID: leaf.OID, Name: leaf.Name, File: z.file, Blocks: z.blocks, Bytes: z.blocks * BlockSize, Rows: z.rows,
		ByBlock: z.heap && z.ctid && d.major >= scansByBlockMajor,
		from:    reading{descend: leaf.Kind == "v" || leaf.Kind == "f", guarded: z.tableoid && leaf.Kind != "v", hasCTID: z.heap && z.ctid},
	}
	if leaf == f.relation {
		return r
	}
	r.from.alias = f.Name.Table
	for name, expression := range d.leaves[f.OID].virtual[f.OID] {
		if d.leaves[f.OID].virtual[leaf.OID][name] == expression {
			continue
		}
		if r.from.virtual == nil {
			r.from.virtual = map[string]string{}
			for _, column := range columns {
				r.from.columns = append(r.from.columns, column.Name)
			}
		}
		r.from.virtual[name] = expression
	}
	slices.Sort(r.from.columns)
	return r
}

// columnQuery resolves domains to what they are over, so that a type is known by
// what its values are; also the domains that are elements of an array. Of the
// type that is left it tells the kind. Each type is resolved once, however many
// columns are of it. From PostgreSQL 18 on a column can be NOT NULL without having
// been looked at.
const columnQuery = `
WITH RECURSIVE a AS MATERIALIZED (
  SELECT attrelid, attnum, attname, atttypid, atttypmod, attnotnull
    FROM pg_attribute WHERE attrelid = ANY($1) AND attnum > 0 AND NOT attisdropped
), base (id, modifier, oid, typmod) AS (
  SELECT DISTINCT atttypid, atttypmod, atttypid, atttypmod FROM a
   UNION ALL
  SELECT base.id, base.modifier, t.typbasetype, t.typtypmod FROM base JOIN pg_type t ON t.oid = base.oid AND t.typtype = 'd'
), element (id, modifier, oid, typmod) AS (
  SELECT base.id, base.modifier, item.oid, base.typmod FROM base JOIN pg_type item ON item.typarray = base.oid
   UNION ALL
  SELECT element.id, element.modifier, t.typbasetype, t.typtypmod FROM element JOIN pg_type t ON t.oid = element.oid AND t.typtype = 'd'
), resolved AS (
  SELECT base.id, base.modifier, CASE WHEN e.oid IS NULL THEN format_type(base.oid, base.typmod) ELSE format_type(e.oid, e.typmod) || '[]' END AS type,
         CASE coalesce(e.typtype, t.typtype) WHEN 'e' THEN 'enum' WHEN 'c' THEN 'composite' WHEN 'r' THEN 'range' WHEN 'm' THEN 'multirange' ELSE '' END AS kind
    FROM base JOIN pg_type t ON t.oid = base.oid AND t.typtype <> 'd'
    LEFT JOIN (SELECT element.*, t.typtype FROM element JOIN pg_type t ON t.oid = element.oid AND t.typtype <> 'd') e USING (id, modifier)
)
SELECT a.attrelid, a.attnum, a.attname, r.type, r.kind,
       NOT a.attnotnull OR EXISTS (
         SELECT FROM pg_constraint k WHERE k.conrelid = a.attrelid AND k.contype = 'n' AND k.conkey = ARRAY[a.attnum] AND NOT k.convalidated)
  FROM a JOIN resolved r ON r.id = a.atttypid AND r.modifier = a.atttypmod
 ORDER BY a.attrelid, a.attnum`

func (d *description) lookAtColumns(ctx context.Context) (err error) {
	d.columns, err = d.readColumns(ctx, d.roots())
	return err
}

func (c *connection) readColumns(ctx context.Context, oids []uint32) (map[uint32][]column, error) {
	columns := make(map[uint32][]column, len(oids))
	var relid uint32
	var found column
	err := c.each(ctx, "columns", columnQuery, []any{oids},
		[]any{&relid, &found.number, &found.Name, &found.Type, &found.Kind, &found.Nullable}, func() {
			columns[relid] = append(columns[relid], found)
		})
	return columns, err
}

// each runs a query and has take called for every row.
func (c *connection) each(ctx context.Context, what, query string, args, into []any, take func()) error {
	rows, err := c.Query(ctx, query, args...)
	if err == nil {
		_, err = pgx.ForEachRow(rows, into, func() error { take(); return nil })
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", what, c.explain(err))
	}
	return nil
}

func (d *description) lookAtKeys(ctx context.Context) error {
	const query = `
SELECT i.indrelid, a.attname
  FROM pg_index i
 CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, position)
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
 WHERE i.indisprimary AND i.indrelid = ANY($1) AND k.position <= i.indnkeyatts
 ORDER BY i.indrelid, k.position`
	d.keys = make(map[uint32][]string, len(d.list))
	var relid uint32
	var name string
	return d.each(ctx, "primary keys", query, []any{d.roots()}, []any{&relid, &name}, func() {
		d.keys[relid] = append(d.keys[relid], name)
	})
}

type size struct {
	blocks, rows   int64
	file           uint32 // 0 where there is none
	heap           bool
	ctid, tableoid bool // we may read them
}

// lookAtSizes reads the estimates that there are; see measure. A grant of columns
// alone does not include ctid and tableoid.
func (d *description) lookAtSizes(ctx context.Context) error {
	const query = `
SELECT c.oid, c.relpages, c.reltuples::bigint, c.relfilenode,
       c.relkind IN ('r', 'm') AND am.amname IS NOT DISTINCT FROM 'heap',
       coalesce(has_column_privilege(c.oid, (-1)::smallint, 'SELECT'), false), coalesce(has_column_privilege(c.oid, (-6)::smallint, 'SELECT'), false)
  FROM pg_class c LEFT JOIN pg_am am ON am.oid = c.relam WHERE c.oid = ANY($1)`
	d.sizes = make(map[uint32]size)
	_, leaves := d.everywhere()
	var relid uint32
	var z size
	return d.each(ctx, "table sizes", query, []any{leaves},
		[]any{&relid, &z.blocks, &z.rows, &z.file, &z.heap, &z.ctid, &z.tableoid}, func() { d.sizes[relid] = z })
}

// measure finds the sizes of the tables that are locked, and so cannot be waited
// for. Every row that the snapshot sees lies below them. Those of others stay
// estimates, which matters to how evenly they are cut alone.
func (s *Snapshot) measure(ctx context.Context) error {
	const query = `SELECT oid, coalesce(pg_relation_size(oid), 0) / $2::bigint, coalesce(pg_table_size(oid), 0) FROM unnest($1::oid[]) AS oid`
	at := map[uint32]*Relation{}
	for _, h := range s.held {
		for i := range h.table.Relations {
			at[h.table.Relations[i].OID] = &h.table.Relations[i]
		}
	}
	var oid uint32
	var blocks, bytes int64
	return s.keeper.each(ctx, "table sizes", query, []any{slices.Collect(maps.Keys(at)), int64(BlockSize)}, []any{&oid, &blocks, &bytes}, func() {
		at[oid].Blocks, at[oid].Bytes = blocks, bytes
	})
}

// lookAtLeaves finds what leaves make of the columns: a table that inherits may
// have NULL where its parent has none, a foreign one whatever it likes, and
// partitions compute virtual columns in ways of their own.
func (d *description) lookAtLeaves(ctx context.Context) error {
	const nullable = `
SELECT m.root, a.attname FROM unnest($1::oid[], $2::oid[]) AS m (root, leaf) JOIN pg_class c ON c.oid = m.leaf JOIN pg_attribute a ON a.attrelid = m.leaf
 WHERE a.attnum > 0 AND NOT a.attisdropped AND (m.root <> m.leaf OR c.relkind = 'f') AND (NOT a.attnotnull OR c.relkind = 'f' OR EXISTS (
         SELECT FROM pg_constraint k WHERE k.conrelid = a.attrelid AND k.contype = 'n' AND k.conkey = ARRAY[a.attnum] AND NOT k.convalidated))
 GROUP BY 1, 2`
	const virtual = `
SELECT m.root, m.leaf, a.attname, pg_get_expr(f.adbin, f.adrelid)
  FROM (SELECT * FROM unnest($1::oid[], $2::oid[]) UNION SELECT DISTINCT r, r FROM unnest($1::oid[]) AS r) AS m (root, leaf)
  JOIN pg_attribute a ON a.attrelid = m.leaf AND a.attgenerated = 'v' AND NOT a.attisdropped JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum`
	d.leaves = make(map[uint32]leafColumns, len(d.list))
	for _, f := range d.list {
		d.leaves[f.OID] = leafColumns{nullable: map[string]bool{}, virtual: map[uint32]map[string]string{}}
	}
	roots, leaves := d.everywhere()
	var root, leaf uint32
	var name, expression string
	if err := d.each(ctx, "columns of partitions", nullable, []any{roots, leaves}, []any{&root, &name}, func() { d.leaves[root].nullable[name] = true }); err != nil {
		return err
	}
	return d.each(ctx, "virtual columns", virtual, []any{roots, leaves}, []any{&root, &leaf, &name, &expression}, func() {
		of := d.leaves[root].virtual
		if of[leaf] == nil {
			of[leaf] = map[string]string{}
		}
		of[leaf][name] = expression
	})
}

func (d *description) lookAtRights(ctx context.Context) (err error) {
	d.readable, err = d.accesses(ctx, d.list)
	return err
}

func (d *description) lookAtStandings(ctx context.Context) (err error) {
	var members []uint32
	for _, f := range d.list {
		members = append(members, ids(f.members)...)
	}
	d.standings, err = d.connection.standings(ctx, members)
	return err
}

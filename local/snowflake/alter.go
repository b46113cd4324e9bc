package snowflake

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/stagelift/stagelift/local/snowflake/grammar"
)

// columnsOf reads the columns of a table as Snowflake knows them.
func (s *session) columnsOf(ctx context.Context, t grammar.Table) ([]grammar.Column, error) {
	if _, err := s.relation(ctx, t); err != nil {
		return nil, err
	}
	const sql = `SELECT col_description(attrelid, attnum), attnotnull, pg_get_expr(d.adbin, d.adrelid)
		FROM pg_attribute LEFT JOIN pg_attrdef d ON d.adrelid = attrelid AND d.adnum = attnum
		WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`
	found := s.conn.ExecParams(ctx, sql, [][]byte{[]byte(t.SQL())}, nil, nil, nil).Read()
	if found.Err != nil {
		return nil, found.Err
	}
	var columns []grammar.Column
	for _, row := range found.Rows {
		var d described
		if err := json.Unmarshal(row[0], &d); err != nil {
			return nil, fmt.Errorf("reading a column of %s: %w", t, err)
		}
		kind, err := grammar.ParseType(d.Type)
		if err != nil {
			return nil, fmt.Errorf("reading column %s of %s: %w", d.Name, t, err)
		}
		columns = append(columns, grammar.Column{
			Name: d.Name, Type: &kind, NotNull: string(row[1]) == "t", Default: string(row[2]), Comment: d.Comment,
		})
	}
	return columns, nil
}

func (s *session) addColumns(ctx context.Context, d *grammar.Definition) error {
	there, err := s.columnsOf(ctx, d.Table)
	if err != nil {
		return err
	}
	for _, c := range d.Columns {
		known := slices.ContainsFunc(there, func(other grammar.Column) bool { return other.Name == c.Name })
		switch {
		case known && d.IfNotExists:
			continue
		case known:
			return sqlError{"001430", "42601", fmt.Sprintf("SQL compilation error:\ncolumn '%s' already exists", c.Name)}
		}
		if err := s.command(ctx, "ALTER TABLE "+d.Table.SQL()+" ADD COLUMN "+definition(c)); err != nil {
			return err
		}
		if err := s.describeColumns(ctx, d.Table, []grammar.Column{c}); err != nil {
			return err
		}
	}
	return nil
}

// alterColumns changes types and comments of columns.
func (s *session) alterColumns(ctx context.Context, d *grammar.Definition) error {
	there, err := s.columnsOf(ctx, d.Table)
	if err != nil {
		return err
	}
	for _, change := range d.Columns {
		i := slices.IndexFunc(there, func(c grammar.Column) bool { return c.Name == change.Name })
		if i < 0 {
			return noSuchColumn(change.Name)
		}
		if change.Type != nil {
			if err := s.alterType(ctx, d.Table, there[i], *change.Type); err != nil {
				return err
			}
			there[i].Type = change.Type
		}
		if change.Comment != nil {
			there[i].Comment = change.Comment
		}
		if err := s.describeColumns(ctx, d.Table, there[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

// everything is what is known of a table and its columns.
func (s *session) everything(ctx context.Context, t grammar.Table, oid uint32) ([]grammar.Column, described, error) {
	about, err := s.about(ctx, oid)
	if err != nil {
		return nil, about, err
	}
	columns, err := s.columnsOf(ctx, t)
	return columns, about, err
}

// dropColumns drops columns, but not the only one, nor one of the clustering key.
func (s *session) dropColumns(ctx context.Context, d *grammar.Definition, oid uint32) error {
	there, about, err := s.everything(ctx, d.Table, oid)
	if err != nil {
		return err
	}
	for _, c := range d.Columns {
		i := slices.IndexFunc(there, func(other grammar.Column) bool { return other.Name == c.Name })
		switch {
		case i < 0 && d.IfColumns:
			continue
		case i < 0:
			return noSuchColumn(c.Name)
		case slices.Contains(about.Cluster, c.Name):
			return clusters(c.Name)
		case len(there) == 1:
			return sqlError{"002027", "42601", "SQL compilation error:\ncannot drop the only column '" + c.Name + "' of the table"}
		}
		there = slices.Delete(there, i, i+1)
		if err := s.command(ctx, "ALTER TABLE "+d.Table.SQL()+" DROP COLUMN "+identifier(grammar.Held(c.Name))); err != nil {
			return err
		}
	}
	return nil
}

func noSuchColumn(name string) error {
	return sqlError{"000904", "42000", fmt.Sprintf("SQL compilation error:\ninvalid identifier '%s'", name)}
}

func clusters(column string) error {
	return sqlError{"002215", "42601", "SQL compilation error:\ncolumn '" + column + "' is part of the table's clustering key"}
}

// renameColumn renames a column that is not of the clustering key ("ALTER
// TABLE", Usage notes).
func (s *session) renameColumn(ctx context.Context, d *grammar.Definition, oid uint32) error {
	there, about, err := s.everything(ctx, d.Table, oid)
	if err != nil {
		return err
	}
	at := func(name string) int {
		return slices.IndexFunc(there, func(c grammar.Column) bool { return c.Name == name })
	}
	i := at(d.Columns[0].Name)
	switch {
	case i < 0:
		return noSuchColumn(d.Columns[0].Name)
	case at(d.NewName) >= 0:
		return sqlError{"001430", "42601", fmt.Sprintf("SQL compilation error:\ncolumn '%s' already exists", d.NewName)}
	case slices.Contains(about.Cluster, there[i].Name):
		return clusters(there[i].Name)
	}
	column := there[i]
	table := "ALTER TABLE " + d.Table.SQL() + " RENAME "
	if column.Type.Check(column.Name) != "" {
		if err := s.command(ctx, table+"CONSTRAINT "+checkName(column.Name)+" TO "+checkName(d.NewName)); err != nil {
			return err
		}
	}
	if err := s.command(ctx, table+"COLUMN "+identifier(grammar.Held(column.Name))+" TO "+identifier(grammar.Held(d.NewName))); err != nil {
		return err
	}
	column.Name = d.NewName
	return s.describeColumns(ctx, d.Table, []grammar.Column{column})
}

// alterType makes a column wider. Of what Snowflake lets be changed ("ALTER
// TABLE … ALTER COLUMN") a smaller precision is refused here.
func (s *session) alterType(ctx context.Context, t grammar.Table, c grammar.Column, to grammar.Type) error {
	from := *c.Type
	wider := from.Name == to.Name && (to.Name == "VARCHAR" && to.Length >= from.Length ||
		to.Name == "NUMBER" && to.Scale == from.Scale && to.Precision >= from.Precision)
	if !wider {
		return sqlError{
			"002108", "22000",
			fmt.Sprintf("SQL compilation error:\ncannot change column %s from type %s to %s", c.Name, from, to),
		}
	}
	held := identifier(grammar.Held(c.Name))
	table := "ALTER TABLE " + t.SQL()
	if to.Name == "NUMBER" {
		return s.command(ctx, table+" ALTER COLUMN "+held+" TYPE "+to.SQL())
	}
	if err := s.command(ctx, table+" DROP CONSTRAINT "+checkName(c.Name)); err != nil {
		return err
	}
	return s.command(ctx, table+" ADD CONSTRAINT "+checkName(c.Name)+" CHECK ("+to.Check(c.Name)+")")
}

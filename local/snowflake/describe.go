package snowflake

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/stagelift/stagelift/local/snowflake/grammar"
)

// described is what the comments of PostgreSQL's objects hold.
type described struct {
	Name    string  `json:"name"`
	Type    string  `json:"type,omitempty"`
	Comment *string `json:"comment,omitempty"`
	// Cluster are the columns of a table's clustering key.
	Cluster []string `json:"cluster,omitempty"`
	// Transient tells the kind of a table.
	Transient bool `json:"transient,omitempty"`
}

func document(d described) string {
	text, err := json.Marshal(d)
	if err != nil {
		panic(err) // it holds strings only
	}
	return "E" + strings.ReplaceAll(literal(string(text)), `\`, `\\`)
}

// about reads what is known of a table.
func (s *session) about(ctx context.Context, oid uint32) (d described, err error) {
	row, err := s.ask(ctx, fmt.Sprintf("SELECT obj_description(%d, 'pg_class')", oid))
	if err == nil {
		err = json.Unmarshal([]byte(row[0]), &d)
	}
	return d, err
}

// redescribe changes what is known of a table.
func (s *session) redescribe(ctx context.Context, oid uint32, change func(*described)) error {
	d, err := s.about(ctx, oid)
	if err != nil {
		return err
	}
	change(&d)
	row, err := s.ask(ctx, fmt.Sprintf("SELECT %d::regclass", oid))
	if err != nil {
		return err
	}
	return s.command(ctx, "COMMENT ON TABLE "+row[0]+" IS "+document(d))
}

func (s *session) describeColumns(ctx context.Context, t grammar.Table, columns []grammar.Column) error {
	for _, c := range columns {
		sql := "COMMENT ON COLUMN " + t.SQL() + "." + identifier(grammar.Held(c.Name)) + " IS " +
			document(described{Name: c.Name, Type: c.Type.String(), Comment: c.Comment})
		if err := s.command(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

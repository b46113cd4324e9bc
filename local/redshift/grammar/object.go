package grammar

import (
	"strings"

	"github.com/stagelift/stagelift/local/sqltext"
)

// View is a CREATE VIEW … WITH NO SCHEMA BINDING, or a DROP VIEW.
type View struct {
	// Views are the one that is created, or those that are dropped.
	Views []Table
	// Query is the text of a view that is created.
	Query string
	// Replace and IfExists forgive what they say.
	Replace, IfExists bool
}

// createView reads a view. One that is not bound to what it is made of
// ("CREATE VIEW", Late-binding views) PostgreSQL does not have.
func (p *parser) createView(replace bool) Statement {
	v := &View{Views: []Table{p.table()}, Replace: replace}
	columns := ""
	if p.Is("(") {
		columns = " (" + sqltext.QuoteAll(p.Identifiers()) + ")"
	}
	p.ExpectWords("as")
	begin, named := p.Peek().Pos, len(p.sources)
	query := p.Query()
	v.Query = strings.TrimSpace(p.SQL[begin:p.Peek().Pos])
	if !p.AcceptWords("with", "no", "schema", "binding") {
		sql := "CREATE VIEW "
		if replace {
			sql = "CREATE OR REPLACE VIEW "
		}
		return Statement{Verb: "CREATE VIEW", SQL: sql + v.Views[0].SQL() + columns + " AS " + query}
	}
	for _, t := range p.sources[named:] {
		if t.Schema == "" {
			sqltext.Fail(begin, "All the relation names inside should be qualified when creating VIEW WITH NO SCHEMA BINDING.")
		}
	}
	if columns != "" {
		sqltext.Fail(begin, "names of columns are not imitated by this stand-in for a view WITH NO SCHEMA BINDING")
	}
	return Statement{Verb: "CREATE VIEW", View: v}
}

// lateView reads the query of a late-binding view in its place.
func (p *parser) lateView(query string) string {
	defer p.Deeper()()
	inner := &parser{rules: p.rules}
	defer func() { p.sources = append(p.sources, inner.sources...) }()
	inner.Parser = p.Within(query, inner)
	return "(" + inner.Query() + ")"
}

func (p *parser) drop() Statement {
	p.ExpectWords("drop")
	if p.AcceptWords("view") {
		v := &View{IfExists: p.IfExists(), Views: sqltext.Many(&p.Parser, p.table)}
		return Statement{Verb: "DROP VIEW", View: v, SQL: p.dependents()}
	}
	p.ExpectWords("table")
	sql := "DROP TABLE "
	if p.IfExists() {
		sql += "IF EXISTS "
	}
	var tables []Table
	sql += p.List(func() string {
		tables = append(tables, p.table())
		return tables[len(tables)-1].SQL()
	})
	return Statement{Verb: "DROP TABLE", SQL: sql + p.dependents(), Drops: tables}
}

func (p *parser) lock() Statement {
	p.ExpectWords("lock")
	p.AcceptWords("table")
	tables := p.List(func() string { return p.table().SQL() })
	return Statement{Verb: "LOCK", SQL: "LOCK TABLE " + tables + " IN ACCESS EXCLUSIVE MODE"}
}

func (p *parser) truncate() Statement {
	p.ExpectWords("truncate")
	p.AcceptWords("table")
	return Statement{Verb: "TRUNCATE", SQL: "TRUNCATE TABLE " + p.table().SQL(), Commits: true}
}

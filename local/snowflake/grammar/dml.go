package grammar

import (
	"strings"

	"github.com/stagelift/stagelift/local/sqltext"
)

func (p *parser) insert() Statement {
	p.ExpectWords("INSERT", "INTO")
	name := p.table()
	content, _ := p.Content()
	return Statement{Verb: "INSERT", Kind: DML, SQL: "INSERT INTO " + name.SQL() + content, Target: &name, Needs: []string{"INSERT"}}
}

func (p *parser) update() Statement {
	p.ExpectWords("UPDATE")
	name := p.table()
	sql := "UPDATE " + p.aliased(name)
	p.ExpectWords("SET")
	sql += " SET " + p.List(p.Assignment)
	if p.AcceptWords("FROM") {
		from, _ := p.Sources()
		sql += from
	}
	return Statement{Verb: "UPDATE", Kind: DML, SQL: sql + p.Where(), Target: &name, Locks: true, Needs: []string{"UPDATE"}}
}

// aliased reads the alias that may follow a target.
func (p *parser) aliased(name Table) string {
	alias, given := p.Alias()
	switch {
	case given:
		return name.SQL() + " AS " + sqltext.Quote(alias)
	case name.Temporary:
		return name.SQL() + " AS " + sqltext.Quote(name.Name)
	}
	return name.SQL()
}

func (p *parser) delete() Statement {
	p.ExpectWords("DELETE", "FROM")
	name := p.table()
	sql := "DELETE FROM " + p.aliased(name)
	if p.AcceptWords("USING") {
		sql += " USING " + p.List(func() string {
			one, _ := p.Source()
			return one
		})
	}
	return Statement{Verb: "DELETE", Kind: DML, SQL: sql + p.Where(), Target: &name, Locks: true, Needs: []string{"DELETE"}}
}

func (p *parser) truncate() Statement {
	p.ExpectWords("TRUNCATE")
	p.AcceptWords("TABLE")
	name := p.table()
	return Statement{Verb: "TRUNCATE", Kind: DML, SQL: "DELETE FROM " + name.SQL(), Target: &name, Locks: true, Needs: []string{"TRUNCATE"}}
}

func (p *parser) merge() Statement {
	p.ExpectWords("MERGE", "INTO")
	name := p.table()
	sql := "MERGE INTO " + p.aliased(name)
	p.ExpectWords("USING")
	source, _ := p.Source()
	p.ExpectWords("ON")
	var clauses strings.Builder
	clauses.WriteString(" USING " + source + " ON " + p.Expression())
	if !p.IsWord("WHEN") {
		p.Unexpected()
	}
	var needs []string
	last := map[string]bool{}
	for p.AcceptWords("WHEN") {
		pos := p.Peek().Pos
		matched := "NOT MATCHED"
		if !p.AcceptWords("NOT", "MATCHED") {
			p.ExpectWords("MATCHED")
			matched = "MATCHED"
		}
		if last[matched] {
			sqltext.Fail(pos, "a clause WHEN %s without AND must be the last of its kind", matched)
		}
		clauses.WriteString(" WHEN " + matched)
		if p.AcceptWords("AND") {
			clauses.WriteString(" AND " + p.Expression())
		} else {
			last[matched] = true
		}
		p.ExpectWords("THEN")
		action := p.mergeAction(matched)
		clauses.WriteString(" THEN " + action)
		needs = append(needs, action[:len("INSERT")]) // or UPDATE, or DELETE
	}
	return Statement{Verb: "MERGE", Kind: DML, SQL: sql + clauses.String(), Target: &name, Locks: true, Needs: needs}
}

func (p *parser) mergeAction(matched string) string {
	if matched == "NOT MATCHED" {
		p.ExpectWords("INSERT")
		sql := "INSERT"
		if p.Is("(") {
			sql += " (" + sqltext.QuoteAll(p.Identifiers()) + ")"
		}
		p.ExpectWords("VALUES")
		return sql + " VALUES " + p.Row()
	}
	if p.AcceptWords("DELETE") {
		return "DELETE"
	}
	p.ExpectWords("UPDATE", "SET")
	return "UPDATE SET " + p.List(p.Assignment)
}

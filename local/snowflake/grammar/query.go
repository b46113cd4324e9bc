package grammar

import (
	"fmt"
	"strings"
)

func (p *parser) selectStatement() Statement {
	return Statement{Verb: "SELECT", Kind: Query, SQL: p.query()}
}

// query reads SELECTs, put together by UNION ALL or by nothing.
func (p *parser) query() string {
	if p.depth++; p.depth > maxDepth {
		fail(p.peek().pos, "query is nested too deeply")
	}
	defer func() { p.depth-- }()
	selects := []string{p.oneSelect()}
	for p.acceptWords("UNION", "ALL") {
		selects = append(selects, p.oneSelect())
	}
	sql := strings.Join(selects, " UNION ALL ")
	if p.acceptWords("ORDER", "BY") {
		sql += " ORDER BY " + p.list(p.orderItem)
	}
	if p.acceptWords("LIMIT") {
		sql += fmt.Sprintf(" LIMIT %d", p.integer())
	}
	return sql
}

// item is one of a SELECT's list; name is what it is called in the result.
type item struct {
	sql, name string
	star      bool
}

func (p *parser) oneSelect() string {
	p.expectWords("SELECT")
	distinct := ""
	if p.acceptWords("DISTINCT") {
		distinct = "DISTINCT "
	}
	pos := p.peek().pos
	items := []item{p.item()}
	for p.accept(",") {
		items = append(items, p.item())
	}
	from, alias := "", ""
	if p.acceptWords("FROM") {
		from, alias = p.sources()
	}
	rest := p.where()
	if p.acceptWords("GROUP", "BY") {
		rest += " GROUP BY " + p.list(p.expression)
	}
	if p.acceptWords("HAVING") {
		rest += " HAVING " + p.expression()
	}
	if p.acceptWords("QUALIFY") {
		return p.qualify(pos, distinct, items, from+rest, alias)
	}
	return "SELECT " + distinct + itemList(items) + from + rest
}

func itemList(items []item) string {
	list := make([]string, len(items))
	for i, it := range items {
		if list[i] = it.sql; !it.star {
			list[i] += " AS " + quote(it.name)
		}
	}
	return strings.Join(list, ", ")
}

// qualify says QUALIFY by a query round the query, since PostgreSQL has none.
// The whole row stands in for *, whose columns are not known here.
func (p *parser) qualify(pos int, distinct string, items []item, rest, alias string) string {
	const flag, row = `"~qualifies"`, `"~row"`
	condition := ", " + p.expression() + " AS " + flag
	const source = `) AS "~q" WHERE "~q".` + flag
	if items[0].star {
		if len(items) > 1 || alias == "" {
			fail(pos, "* with QUALIFY is understood alone, and from one table with a name")
		}
		return "SELECT " + distinct + `("~q".` + row + ").* FROM (SELECT " + alias + " AS " + row + condition + rest + source
	}
	names := make([]string, len(items))
	for i, it := range items {
		if it.star {
			fail(pos, "* beside other columns is not understood with QUALIFY by this stand-in")
		}
		names[i] = it.name
	}
	return "SELECT " + distinct + quoteAll(names) + " FROM (SELECT " + itemList(items) + condition + rest + source
}

func (p *parser) item() item {
	if p.accept("*") {
		return item{sql: "*", star: true}
	}
	if star, ok := p.qualifiedStar(); ok {
		return star
	}
	begin := p.next
	it := item{sql: p.expression()}
	last := p.tokens[p.next-1]
	if it.name = strings.ToUpper(strings.TrimSpace(p.sql[p.tokens[begin].pos:p.peek().pos])); last.kind == quoted || last.kind == word {
		if column := p.tokens[begin:p.next]; isPath(column) {
			it.name = last.text
		}
	}
	if p.acceptWords("AS") {
		it.name = p.identifier()
	} else if t := p.peek(); t.kind == quoted || t.kind == word && !reserved[t.text] && !clause[t.text] {
		it.name = p.identifier()
	}
	return it
}

// qualifiedStar reads t.*.
func (p *parser) qualifiedStar() (item, bool) {
	if p.next+2 >= len(p.tokens) || p.tokens[p.next+1].text != "." || p.tokens[p.next+2].text != "*" {
		return item{}, false
	}
	name := quote(p.identifier())
	p.next += 2
	return item{sql: name + ".*", star: true}, true
}

// isPath is true for a.b.c, a column and what it is of.
func isPath(tokens []token) bool {
	for i, t := range tokens {
		if name := t.kind == quoted || t.kind == word; name != (i%2 == 0) || !name && t.text != "." {
			return false
		}
	}
	return len(tokens)%2 == 1
}

// clause are words that go on with the query and are not reserved.
var clause = map[string]bool{"LIMIT": true, "NULLS": true, "END": true}

// sources reads what stands after FROM; alias is the name of a single source.
func (p *parser) sources() (sql, alias string) {
	sql, alias = p.source()
	sql = " FROM " + sql
	for {
		join := ""
		switch {
		case p.accept(","):
			one, _ := p.source()
			sql, alias = sql+", "+one, ""
			continue
		case p.acceptWords("LEFT"):
			p.acceptWords("OUTER")
			join = " LEFT"
		case p.acceptWords("INNER"), p.isWord("JOIN"):
		default:
			return sql, alias
		}
		p.expectWords("JOIN")
		one, _ := p.source()
		p.expectWords("ON")
		sql, alias = sql+join+" JOIN "+one+" ON "+p.expression(), ""
	}
}

func (p *parser) source() (sql, alias string) {
	if p.accept("(") {
		sql = "(" + p.query() + p.closing()
	} else {
		name := p.table()
		if sql, alias = name.SQL(), quote(name.Name); name.Temporary {
			defer func(plain string) {
				if sql == plain {
					sql += " AS " + alias
				}
			}(sql)
		}
	}
	if p.acceptWords("AS") {
		alias = quote(p.identifier())
		return sql + " AS " + alias, alias
	}
	if t := p.peek(); t.kind == quoted || t.kind == word && !reserved[t.text] && !clause[t.text] {
		alias = quote(p.identifier())
		return sql + " AS " + alias, alias
	}
	if alias == "" {
		return sql + ` AS "~source"`, `"~source"`
	}
	return sql, alias
}

// where gives the empty string, or the clause with a space before it.
func (p *parser) where() string {
	if !p.acceptWords("WHERE") {
		return ""
	}
	return " WHERE " + p.expression()
}

func (p *parser) orderItem() string {
	sql := p.expression()
	switch {
	case p.acceptWords("ASC"):
	case p.acceptWords("DESC"):
		sql += " DESC"
	}
	switch {
	case p.acceptWords("NULLS", "FIRST"):
		sql += " NULLS FIRST"
	case p.acceptWords("NULLS", "LAST"):
		sql += " NULLS LAST"
	}
	return sql
}

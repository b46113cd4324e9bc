package grammar

import (
	"strings"

	"github.com/stagelift/stagelift/local/sqltext"
)

func (p *parser) selectStatement() Statement {
	return Statement{Verb: "SELECT", Kind: Query, SQL: p.Query()}
}

// Validated is what a query calls the answer of VALIDATE, for which PostgreSQL has
// a table.
const Validated = `pg_temp."~validate"`

// tableFunction reads TABLE(VALIDATE(table, JOB_ID => 'handle')), of which there
// may be one in a statement.
func (p *parser) tableFunction() (sql, name string, called bool) {
	p.ExpectWords("TABLE")
	p.Expect("(")
	if p.validated != nil {
		p.Unexpected()
	}
	p.ExpectWords("VALIDATE")
	p.Expect("(")
	v := &Validate{Table: p.table()}
	p.Expect(",")
	p.ExpectWords("JOB_ID")
	p.Expect("=>")
	v.Job = p.Literal()
	p.Expect(")")
	p.Expect(")")
	p.validated = v
	return Validated, `"~validate"`, false
}

// Query reads SELECTs, put together by UNION ALL or by nothing.
func (p *parser) Query() string {
	defer p.Deeper()()
	selects := []string{p.oneSelect()}
	for p.AcceptWords("UNION", "ALL") {
		selects = append(selects, p.oneSelect())
	}
	return strings.Join(selects, " UNION ALL ") + p.Ordering()
}

// item is one of a SELECT's list; name is what it is called in the result.
type item struct {
	sql, name string
	star      bool
}

func (p *parser) oneSelect() string {
	p.ExpectWords("SELECT")
	distinct := ""
	if p.AcceptWords("DISTINCT") {
		distinct = "DISTINCT "
	}
	pos := p.Peek().Pos
	items := []item{p.item()}
	for p.Accept(",") {
		items = append(items, p.item())
	}
	from, alias := "", ""
	if p.AcceptWords("FROM") {
		from, alias = p.Sources()
	}
	rest := p.Where() + p.Grouping()
	if p.AcceptWords("QUALIFY") {
		return p.qualify(pos, distinct, items, from+rest, alias)
	}
	return "SELECT " + distinct + itemList(items) + from + rest
}

func itemList(items []item) string {
	list := make([]string, len(items))
	for i, it := range items {
		if list[i] = it.sql; !it.star {
			list[i] += " AS " + sqltext.Quote(it.name)
		}
	}
	return strings.Join(list, ", ")
}

// qualify says QUALIFY by a query round the query, since PostgreSQL has none.
// The whole row stands in for *, whose columns are not known here.
func (p *parser) qualify(pos int, distinct string, items []item, rest, alias string) string {
	const flag, row = `"~qualifies"`, `"~row"`
	condition := ", " + p.Expression() + " AS " + flag
	const source = `) AS "~q" WHERE "~q".` + flag
	if items[0].star {
		if len(items) > 1 || alias == "" {
			sqltext.Fail(pos, "* with QUALIFY is understood alone, and from one table with a name")
		}
		return "SELECT " + distinct + `("~q".` + row + ").* FROM (SELECT " + alias + " AS " + row + condition + rest + source
	}
	names := make([]string, len(items))
	for i, it := range items {
		if it.star {
			sqltext.Fail(pos, "* beside other columns is not understood with QUALIFY by this stand-in")
		}
		names[i] = it.name
	}
	return "SELECT " + distinct + sqltext.QuoteAll(names) + " FROM (SELECT " + itemList(items) + condition + rest + source
}

func (p *parser) item() item {
	if p.Accept("*") {
		return item{sql: "*", star: true}
	}
	if star, ok := p.qualifiedStar(); ok {
		return star
	}
	begin := p.Next
	it := item{sql: p.Expression()}
	last := p.Tokens[p.Next-1]
	if it.name = strings.ToUpper(strings.TrimSpace(p.SQL[p.Tokens[begin].Pos:p.Peek().Pos])); last.Kind == sqltext.Quoted || last.Kind == sqltext.Word {
		if column := p.Tokens[begin:p.Next]; isPath(column) {
			it.name = last.Text
		}
	}
	if alias, given := p.Alias(); given {
		it.name = alias
	}
	return it
}

// qualifiedStar reads t.*.
func (p *parser) qualifiedStar() (item, bool) {
	if p.Next+2 >= len(p.Tokens) || p.Tokens[p.Next+1].Text != "." || p.Tokens[p.Next+2].Text != "*" {
		return item{}, false
	}
	name := sqltext.Quote(p.Identifier())
	p.Next += 2
	return item{sql: name + ".*", star: true}, true
}

// isPath is true for a.b.c, a column and what it is of.
func isPath(tokens []sqltext.Token) bool {
	for i, t := range tokens {
		if name := t.Kind == sqltext.Quoted || t.Kind == sqltext.Word; name != (i%2 == 0) || !name && t.Text != "." {
			return false
		}
	}
	return len(tokens)%2 == 1
}

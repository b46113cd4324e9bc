package grammar

import (
	"slices"
	"strings"

	"github.com/stagelift/stagelift/local/sqltext"
)

// AccountKind says who something is granted to.
type AccountKind string

// The kinds.
const (
	User   AccountKind = "user"
	Role   AccountKind = "role"
	Group  AccountKind = "group"
	Public AccountKind = "public"
)

// Account is a user, a role, a group, or PUBLIC, which has no name.
type Account struct {
	Kind AccountKind
	Name string
}

// Grant is a GRANT.
type Grant struct {
	// Privileges are in capitals; ALL stands alone.
	Privileges []string
	// On is TABLE, ALL TABLES IN SCHEMA, SCHEMA or DATABASE; ROLE grants Roles.
	On string
	// Tables are for TABLE, Names for all else.
	Tables []Table
	Names  []string
	To     []Account
	// Option is true for WITH GRANT OPTION.
	Option bool
}

// privileges are what may be granted on each kind of object ("GRANT", Syntax).
var privileges = map[string][]string{
	"TABLE":    {"select", "insert", "update", "delete", "drop", "references", "alter", "truncate"},
	"SCHEMA":   {"create", "usage", "alter", "drop"},
	"DATABASE": {"create", "usage", "temporary", "temp", "alter"},
}

func (p *parser) grant() Statement {
	p.ExpectWords("grant")
	pos := p.Peek().Pos
	g := &Grant{}
	if p.AcceptWords("role") {
		g.On = "ROLE"
		g.Names = sqltext.Many(&p.Parser, p.Identifier)
	} else {
		g.Privileges = p.Privileges()
		p.grantObject(g)
		kind := g.On
		if kind == "ALL TABLES IN SCHEMA" {
			kind = "TABLE"
		}
		for _, privilege := range g.Privileges {
			if privilege != "ALL" && !slices.Contains(privileges[kind], strings.ToLower(privilege)) {
				sqltext.Fail(pos, "invalid privilege type %s for %s", privilege, strings.ToLower(kind))
			}
		}
	}
	p.ExpectWords("to")
	p.grantees(g)
	return Statement{Verb: "GRANT", Grant: g}
}

func (p *parser) grantObject(g *Grant) {
	p.ExpectWords("on")
	switch {
	case p.AcceptWords("all", "tables", "in", "schema"):
		g.On, g.Names = "ALL TABLES IN SCHEMA", sqltext.Many(&p.Parser, p.Identifier)
	case p.AcceptWords("schema"):
		g.On, g.Names = "SCHEMA", sqltext.Many(&p.Parser, p.Identifier)
	case p.AcceptWords("database"):
		g.On, g.Names = "DATABASE", sqltext.Many(&p.Parser, p.Identifier)
	default:
		p.AcceptWords("table")
		g.On, g.Tables = "TABLE", sqltext.Many(&p.Parser, p.table)
	}
}

// grantees reads users, roles, groups and PUBLIC. Only a user takes an option.
func (p *parser) grantees(g *Grant) {
	option := []string{"with", "grant", "option"}
	if g.On == "ROLE" {
		option[1] = "admin"
	}
	for {
		kind := User
		switch {
		case p.AcceptWords("role"):
			kind = Role
		case g.On != "ROLE" && p.AcceptWords("group"):
			kind = Group
		case g.On != "ROLE" && p.AcceptWords("public"):
			kind = Public
		}
		a := Account{Kind: kind}
		if kind != Public {
			a.Name = p.account()
		}
		g.To = append(g.To, a)
		if kind == User && p.AcceptWords(option...) {
			g.Option = true
		}
		if !p.Accept(",") {
			return
		}
	}
}

// account reads the name of a user, a role or a group. One in quotes keeps its
// case, whatever the setting ("enable_case_sensitive_identifier").
func (p *parser) account() string {
	t := p.Peek()
	name := p.Identifier()
	if t.Kind != sqltext.Quoted {
		return name
	}
	raw := strings.TrimSpace(p.SQL[t.Pos:p.Peek().Pos])
	return strings.ReplaceAll(raw[1:len(raw)-1], `""`, `"`)
}

// showGrants reads SHOW GRANTS ON TABLE, of one that is named with its schema.
func (p *parser) showGrants() Statement {
	p.ExpectWords("show", "grants", "on", "table")
	pos := p.Peek().Pos
	t := p.table()
	if t.Schema == "" {
		sqltext.Fail(pos, "SHOW GRANTS ON TABLE is imitated by this stand-in for schema.table")
	}
	return Statement{Verb: "SHOW GRANTS", Returns: true, SQL: "SELECT * FROM redshift_system.grants WHERE schema_name = " +
		sqltext.QuoteText(t.Schema) + " AND object_name = " + sqltext.QuoteText(t.Name)}
}

// createAccount reads CREATE USER … PASSWORD DISABLE, CREATE ROLE and CREATE
// GROUP.
func (p *parser) createAccount() Statement {
	a := &Account{Kind: AccountKind(p.AcceptOne("user", "role", "group"))}
	a.Name = p.account()
	if a.Kind == User {
		p.ExpectWords("password", "disable")
	}
	return Statement{Verb: "CREATE " + strings.ToUpper(string(a.Kind)), Account: a}
}

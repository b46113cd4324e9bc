package grammar

import (
	"slices"

	"github.com/stagelift/stagelift/local/sqltext"
)

// The kinds of objects that privileges are on.
const (
	OnAccount     = "ACCOUNT"
	OnDatabase    = "DATABASE"
	OnWarehouse   = "WAREHOUSE"
	OnIntegration = "INTEGRATION"
	OnSchema      = "SCHEMA"
	OnStage       = "STAGE"
	OnTable       = "TABLE"
)

// Ownership is the privilege that whoever creates an object has on it.
const Ownership = "OWNERSHIP"

// Privileges are what can be granted on each kind of object ("Access control
// privileges"), as far as a loader meets it; OWNERSHIP comes to all but an
// account.
var Privileges = map[string][]string{
	OnAccount:     {"CREATE ROLE", "MANAGE GRANTS"},
	OnDatabase:    {"CREATE SCHEMA", "MODIFY", "MONITOR", "USAGE"},
	OnWarehouse:   {"MODIFY", "MONITOR", "OPERATE", "USAGE"},
	OnIntegration: {"USAGE"},
	OnSchema:      {"CREATE STAGE", "CREATE TABLE", "CREATE VIEW", "MODIFY", "MONITOR", "USAGE"},
	OnStage:       {"USAGE"}, // READ and WRITE are an internal stage's
	OnTable:       {"DELETE", "INSERT", "REFERENCES", "SELECT", "TRUNCATE", "UPDATE"},
}

// Grant is a GRANT of privileges to a role or a user.
type Grant struct {
	// Privileges are in capitals; ALL stands alone.
	Privileges []string
	// On is one of the kinds.
	On string
	// In is SCHEMA or DATABASE where what is granted is on all objects of that
	// kind that Object holds, and Future where it is on those that come. Empty
	// is the object itself.
	In     string
	Future bool
	// Object is what it is granted on, or in. A database, a warehouse, an
	// integration and a schema have a name alone, a schema perhaps a Database.
	Object Table
	// To is a role's name, or a user's where User is true ("GRANT <privileges> … TO
	// USER").
	To   string
	User bool
	// Option is true for WITH GRANT OPTION.
	Option bool
	// Current is COPY or REVOKE, what OWNERSHIP does with other grants; or empty.
	Current string
}

func (p *parser) grant() Statement {
	p.ExpectWords("GRANT")
	pos := p.Peek().Pos
	g := &Grant{Privileges: p.Privileges()}
	p.ExpectWords("ON")
	p.grantObject(g)
	for _, privilege := range g.Privileges {
		all := privilege == "ALL" || privilege == Ownership && len(g.Privileges) == 1 && g.On != OnAccount
		if !all && !slices.Contains(Privileges[g.On], privilege) {
			sqltext.Fail(pos, "unexpected '%s': this stand-in knows no such privilege on %s", privilege, g.On)
		}
	}
	p.ExpectWords("TO")
	if g.User = p.AcceptWords("USER"); !g.User {
		p.AcceptWords("ROLE")
	}
	g.To = p.Identifier()
	if g.User && (g.Future || g.Privileges[0] == Ownership) {
		sqltext.Fail(pos, "to a user neither OWNERSHIP nor what comes can be granted")
	}
	if g.Privileges[0] != Ownership {
		g.Option = p.AcceptWords("WITH", "GRANT", "OPTION")
	} else if g.Current = p.AcceptOne("COPY", "REVOKE"); g.Current != "" {
		p.ExpectWords("CURRENT", "GRANTS")
	}
	return Statement{Verb: "GRANT", Kind: DDL, Grant: g}
}

func (p *parser) grantObject(g *Grant) {
	if p.AcceptWords(OnAccount) {
		g.On = OnAccount
		return
	}
	if g.Future = p.AcceptWords("FUTURE"); g.Future || p.AcceptWords("ALL") {
		switch {
		case p.AcceptWords("TABLES", "IN", OnSchema):
			g.On, g.In = OnTable, OnSchema
			g.Object.Database, g.Object.Name = p.schemaName()
		default:
			p.ExpectWords("SCHEMAS", "IN", OnDatabase)
			g.On, g.In, g.Object.Name = OnSchema, OnDatabase, p.Identifier()
		}
		return
	}
	switch g.On = p.AcceptOne(OnDatabase, OnWarehouse, OnIntegration, OnSchema, OnStage); g.On {
	case OnDatabase, OnWarehouse, OnIntegration:
		g.Object.Name = p.Identifier()
	case OnSchema:
		g.Object.Database, g.Object.Name = p.schemaName()
	case OnStage:
		g.Object = p.table()
	default:
		p.AcceptWords(OnTable)
		g.On, g.Object = OnTable, p.table()
	}
}

package grammar

import (
	"strings"

	"github.com/stagelift/stagelift/local/sqltext"
)

const (
	// sysdate is the start of the transaction ("SYSDATE function").
	sysdate = "(now() AT TIME ZONE 'UTC')"
	// getdate is the start of the statement, without fractions of a second
	// ("GETDATE function").
	getdate = "date_trunc('second', statement_timestamp() AT TIME ZONE 'UTC')"
)

var traits = sqltext.Traits{Division: "/", Truths: []string{"null"}}

// UserID is the number of the user that requests run as ("CURRENT_USER_ID
// function").
const UserID = "101"

// Own reads SYSDATE and CURRENT_USER_ID.
func (p *parser) Own() (sql string, ok bool) {
	if p.AcceptWords("current_user_id") {
		return UserID, true
	}
	return sysdate, p.AcceptWords("sysdate")
}

// Column reads a column, with or without what it is of.
func (p *parser) Column() string {
	parts := []string{sqltext.Quote(p.Identifier())}
	for p.Accept(".") {
		parts = append(parts, sqltext.Quote(p.behindDot()))
	}
	return strings.Join(parts, ".")
}

// behindDot reads an identifier where no word is reserved.
func (p *parser) behindDot() string {
	t := p.Peek()
	if t.Kind != sqltext.Word {
		return p.Identifier()
	}
	p.Next++
	return p.Note(t.Text)
}

// Constant refuses a backslash, which is an escape in Redshift's literals and
// none in PostgreSQL's.
func (p *parser) Constant(t sqltext.Token) string {
	if strings.Contains(t.Text, `\`) {
		sqltext.Fail(t.Pos, "a backslash in a literal is an escape to Redshift; this stand-in does not imitate that")
	}
	return sqltext.QuoteText(t.Text)
}

// textLiteral reads a constant.
func (p *parser) textLiteral() string {
	t := p.Peek()
	p.Literal()
	return p.Constant(t)
}

// CastTo reads a type and casts what it is given.
func (p *parser) CastTo(sql string) string {
	return "CAST(" + sql + " AS " + p.columnType("").sql + ")"
}

// Table reads a table in FROM.
func (p *parser) Table() (sql, name string, called bool) {
	t := p.table()
	p.sources = append(p.sources, t)
	if p.rules.LateView != nil {
		if query, known := p.rules.LateView(t); known {
			return p.lateView(query), sqltext.Quote(t.Name), false
		}
	}
	return t.SQL(), sqltext.Quote(t.Name), true
}

// goesOn are words that are not reserved and go on with the statement.
var goesOn = map[string]bool{"set": true}

// Names lets words be aliases that are not reserved.
func (p *parser) Names(word string) bool { return !goesOn[word] }

// Call reads a function call.
func (p *parser) Call() string {
	t := p.Advance()
	p.Expect("(")
	var sql string
	switch t.Text {
	case "count":
		sql = "count(" + p.countArgument()
	case "getdate":
		p.Expect(")")
		return getdate
	case "nullif":
		sql = "nullif(" + p.Expression()
		p.Expect(",")
		sql += ", " + p.Expression()
	case "json_parse":
		sql = "CAST(" + p.Expression() + " AS jsonb"
	case "to_varbyte":
		sql = "decode(" + p.Expression()
		p.Expect(",")
		sql += ", " + p.byteFormat()
	case "current_setting":
		return p.currentSetting()
	case "row_number":
		p.Expect(")")
		return "row_number() OVER " + p.window()
	default:
		name, known := functions[t.Text]
		if !known {
			sqltext.Fail(t.Pos, "function %s is not understood by this stand-in", t.Text)
		}
		sql = name + "(" + p.List(p.Expression)
	}
	return sql + p.Closing()
}

// currentSetting reads the one parameter that a loader asks for.
func (p *parser) currentSetting() string {
	pos := p.Peek().Pos
	if name := p.Literal(); name != "enable_case_sensitive_identifier" {
		sqltext.Fail(pos, "the parameter '%s' is not imitated by this stand-in", name)
	}
	p.Expect(")")
	if p.rules.CaseSensitive {
		return "'on'"
	}
	return "'off'"
}

// functions maps the functions of any arity that are understood.
var functions = map[string]string{
	"sum": "sum", "min": "min", "max": "max", "coalesce": "coalesce", "nvl": "coalesce",
	"lower": "lower", "upper": "upper", "len": "length", "octet_length": "octet_length",
}

// byteFormat reads the formats of TO_VARBYTE that PostgreSQL has too.
func (p *parser) byteFormat() string {
	pos := p.Peek().Pos
	format := p.Literal()
	if format != "hex" && format != "base64" {
		sqltext.Fail(pos, "TO_VARBYTE from %s is not imitated by this stand-in", sqltext.QuoteText(format))
	}
	return sqltext.QuoteText(format)
}

// window reads OVER (…) of a ranking function, which needs an order.
func (p *parser) window() string {
	p.ExpectWords("over")
	p.Expect("(")
	sql := "("
	if p.AcceptWords("partition", "by") {
		sql += "PARTITION BY " + p.List(p.Expression) + " "
	}
	p.ExpectWords("order", "by")
	return sql + "ORDER BY " + p.List(p.OrderItem) + p.Closing()
}

func (p *parser) countArgument() string {
	switch {
	case p.Accept("*"):
		return "*"
	case p.AcceptWords("distinct"):
		return "DISTINCT " + p.Expression()
	}
	return p.Expression()
}

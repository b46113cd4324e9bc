package sqltext_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stagelift/stagelift/local/sqltext"
)

// plain is a language with nothing of its own.
type plain struct{ sqltext.Parser }

func (p *plain) Own() (string, bool)             { return "", false }
func (p *plain) Call() string                    { return p.Advance().Text + p.Parenthesis() }
func (p *plain) Column() string                  { return strings.Join(p.Path(), ".") }
func (p *plain) Constant(t sqltext.Token) string { return sqltext.QuoteText(t.Text) }
func (p *plain) CastTo(sql string) string        { return sql + "::" + p.Identifier() }
func (p *plain) Names(string) bool               { return true }

func (p *plain) Query() string {
	p.ExpectWords("select")
	sql := "SELECT " + p.List(p.Expression)
	if p.AcceptWords("from") {
		from, _ := p.Sources()
		sql += from
	}
	return sql + p.Where() + p.Grouping() + p.Ordering()
}

func (p *plain) Table() (sql, name string, called bool) {
	name = p.Identifier()
	return name, name, true
}

var dialect = &sqltext.Dialect{
	Comments:     []string{"--"},
	Punctuation:  "(),.;*+-/%<>=",
	Word:         func(name string, _ int) string { return sqltext.UpperASCII(name) },
	Quoted:       func(name string, _ int) string { return name },
	Unexpected:   func(t sqltext.Token) string { return "unexpected " + t.Text },
	NotText:      "not text",
	EmptyName:    "empty name",
	Unterminated: func(rest string) string { return "unterminated " + rest[:1] },
}

var reserved = map[string]bool{"SELECT": true, "FROM": true, "WHERE": true, "GROUP": true, "ORDER": true, "JOIN": true, "LEFT": true, "ON": true}

func read(sql string) (out string, failure *sqltext.Failure) {
	defer func() {
		if f := sqltext.Caught(recover()); f != nil {
			failure = f
		}
	}()
	p := &plain{}
	p.Parser = sqltext.New(sql, dialect, reserved, p, sqltext.Traits{Division: "/", Truths: []string{"null"}})
	out = p.Query()
	if p.Peek().Kind != sqltext.End {
		p.Unexpected()
	}
	return out, nil
}

func TestReads(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"SELECT a OR b AND NOT c = 1 + 2 * 3":                                                       "SELECT (A OR (B AND (NOT (C = (1 + (2 * 3))))))",
		"sElEcT - - a::int / b":                                                                     "SELECT ((- (- A::INT)) / B)",
		"select a not between 1 and 2 and b not like 'x'":                                           "SELECT ((A NOT BETWEEN 1 AND 2) AND (B NOT LIKE 'x'))",
		"select a in (select b from c), d not in (1, 2)":                                            "SELECT (A IN (SELECT B FROM C)), (D NOT IN (1, 2))",
		"select case when a is not null then 1 else 2 end":                                          "SELECT CASE WHEN (A IS NOT NULL) THEN 1 ELSE 2 END",
		"select 1 from t u, (select 2) as v left outer join w on u.a = w.a where exists (select 3)": "SELECT 1 FROM T AS \"U\", (SELECT 2) AS \"V\" LEFT JOIN W ON (U.A = W.A) WHERE EXISTS (SELECT 3)",
		"select max(a) from t group by b having 1 < 2 order by 1 desc nulls last limit 3":           "SELECT MAX(A) FROM T GROUP BY B HAVING (1 < 2) ORDER BY 1 DESC NULLS LAST LIMIT 3",
		`select "it""s", 'it''s'`:                                                                   `SELECT it"s, 'it''s'`,
	} {
		if got, failure := read(sql); failure != nil || got != want {
			t.Errorf("%s\n became %s, %+v\nwant   %s", sql, got, failure, want)
		}
	}
}

func TestFails(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"select":                   "unexpected  at 6",
		"select a from (select 1)": "unexpected  at 24",
		"select a is true":         "unexpected TRUE at 12",
		"select a not b":           "unexpected B at 13",
		"select exists (a)":        "unexpected A at 15",
		"select 1.2.3":             "unexpected 1.2.3 at 7",
		"select 'a":                "unterminated ' at 7",
		`select ""`:                "empty name at 7",
		"select a -- b":            "comments are not understood by this stand-in at 9",
		"select é":                 "unexpected é at 7",
		"select \xff":              "not text at 0",
		"select a from select":     "unexpected SELECT at 14",
		"select " + strings.Repeat("(", 300) + "1": "expression is nested too deeply at 207",
	} {
		got, failure := read(sql)
		if failure == nil || fmt.Sprintf("%s at %d", failure.Message, failure.Offset) != want {
			t.Errorf("%.40s became %q, %+v, want %q", sql, got, failure, want)
		}
	}
}

// Other panics than Fail's are nobody's failures.
func TestCaughtThrowsAgain(t *testing.T) {
	t.Parallel()
	defer func() {
		if thrown := recover(); thrown != "bug" {
			t.Errorf("thrown is %v", thrown)
		}
	}()
	sqltext.Caught("bug")
}

package grammar

import (
	"slices"
	"strconv"
	"strings"

	"github.com/stagelift/stagelift/local/sqltext"
)

// Operation says what an Expression computes.
type Operation int

// The operations of a COPY transformation. The functions are among those that
// "Transform data during a load" lists as supported.
const (
	Field       Operation = iota // $1:"a"."b" : a field of the file, or what lies in it
	Literal                      // a text
	Null                         // NULL
	Cast                         // a::type
	ParseJSON                    // PARSE_JSON(a)
	ToBinary                     // TO_BINARY(a, 'HEX')
	IsNullValue                  // IS_NULL_VALUE(a): it is JSON's null
	IsNull                       // a IS NULL
	Not                          // NOT a
	Iff                          // IFF(condition, a, b)
	NullIf                       // NULLIF(a, b)
	FileName                     // METADATA$FILENAME
	RowNumber                    // METADATA$FILE_ROW_NUMBER
)

// Expression is one value of a transformation.
type Expression struct {
	Operation Operation
	// Number is the field's, from 1; Path leads into it.
	Number int
	Path   []string
	// Text is the literal's, or TO_BINARY's format.
	Text string
	// Type is what Cast casts to.
	Type Type
	// Arguments are the operands.
	Arguments []Expression
}

// transformation reads SELECT … FROM @stage [alias].
func (p *parser) transformation(c *Copy) {
	p.ExpectWords("SELECT")
	// The alias stands behind the list that uses it.
	var alias string
	for i := p.Next; i+1 < len(p.Tokens); i++ {
		if p.Tokens[i].Kind == sqltext.Word && p.Tokens[i].Text == "FROM" {
			if i += 2; i < len(p.Tokens) && p.Tokens[i].Kind == sqltext.Word && p.Tokens[i].Text == "AS" {
				i++
			}
			if i < len(p.Tokens) && (p.Tokens[i].Kind == sqltext.Word || p.Tokens[i].Kind == sqltext.Quoted) {
				alias = p.Tokens[i].Text
			}
			break
		}
	}
	c.Transform = []Expression{p.fileValue(alias)}
	for p.Accept(",") {
		c.Transform = append(c.Transform, p.fileValue(alias))
	}
	p.ExpectWords("FROM")
	p.copySource(c)
	if alias != "" {
		p.AcceptWords("AS")
		p.Identifier()
	}
}

func (p *parser) fileValue(alias string) Expression {
	defer p.Deeper()()
	if p.AcceptWords("NOT") {
		return Expression{Operation: Not, Arguments: []Expression{p.fileValue(alias)}}
	}
	e := p.fileOperand(alias)
	for p.Accept("::") {
		e = Expression{Operation: Cast, Type: p.columnType(), Arguments: []Expression{e}}
	}
	if p.AcceptWords("IS") {
		not := p.AcceptWords("NOT")
		p.ExpectWords("NULL")
		e = Expression{Operation: IsNull, Arguments: []Expression{e}}
		if not {
			e = Expression{Operation: Not, Arguments: []Expression{e}}
		}
	}
	return e
}

func (p *parser) fileOperand(alias string) Expression {
	t := p.Peek()
	switch {
	case t.Kind == sqltext.Text:
		p.Next++
		return Expression{Operation: Literal, Text: t.Text}
	case t.Kind == sqltext.Field:
		return p.fileField()
	case p.Accept("("):
		e := p.fileValue(alias)
		p.Expect(")")
		return e
	case (t.Kind == sqltext.Word || t.Kind == sqltext.Quoted) && t.Text == alias && p.Tokens[p.Next+1].Text == ".":
		p.Next += 2
		if p.Peek().Kind != sqltext.Field {
			p.Unexpected()
		}
		return p.fileField()
	case p.AcceptWords("NULL"):
		return Expression{Operation: Null}
	case p.AcceptWords("METADATA$FILENAME"):
		return Expression{Operation: FileName}
	case p.AcceptWords("METADATA$FILE_ROW_NUMBER"):
		return Expression{Operation: RowNumber}
	case p.AcceptWords("CAST"):
		p.Expect("(")
		e := Expression{Operation: Cast, Arguments: []Expression{p.fileValue(alias)}}
		p.ExpectWords("AS")
		e.Type = p.columnType()
		p.Expect(")")
		return e
	}
	return p.fileCall(alias)
}

// fileField reads $1 and the path after it: :"a", :a, ."b", ['c'].
func (p *parser) fileField() Expression {
	t := p.Advance()
	n, err := strconv.Atoi(t.Text)
	if err != nil || n < 1 {
		sqltext.Fail(t.Pos, "unexpected '$%s'", t.Text)
	}
	e := Expression{Operation: Field, Number: n}
	for {
		switch {
		case p.Is(":") && len(e.Path) == 0, p.Is(".") && len(e.Path) > 0:
			p.Next++
			e.Path = append(e.Path, p.element())
		case p.Accept("["):
			e.Path = append(e.Path, p.Literal())
			p.Expect("]")
		default:
			return e
		}
	}
}

// element reads the name of an element. Such names keep their case, quoted or
// not ("Querying semi-structured data").
func (p *parser) element() string {
	t := p.Advance()
	switch t.Kind {
	case sqltext.Quoted: // as it is written, whatever becomes of identifiers
		return dialect.Lex(p.SQL[t.Pos:p.Peek().Pos])[0].Text
	case sqltext.Word:
		return p.SQL[t.Pos : t.Pos+len(t.Text)]
	}
	sqltext.Fail(t.Pos, "unexpected '%s'", t.Text)
	return ""
}

func (p *parser) fileCall(alias string) Expression {
	t := p.Advance()
	operation, known := map[string]struct {
		operation Operation
		arguments int
	}{
		"PARSE_JSON": {ParseJSON, 1}, "IS_NULL_VALUE": {IsNullValue, 1}, "IFF": {Iff, 3}, "NULLIF": {NullIf, 2},
		"TO_BINARY": {ToBinary, 2},
	}[t.Text]
	if !known || t.Kind != sqltext.Word {
		sqltext.Fail(t.Pos, "unexpected '%s': it is not understood in a COPY transformation by this stand-in", t.Text)
	}
	p.Expect("(")
	e := Expression{Operation: operation.operation, Arguments: []Expression{p.fileValue(alias)}}
	for p.Accept(",") {
		e.Arguments = append(e.Arguments, p.fileValue(alias))
	}
	p.Expect(")")
	if len(e.Arguments) != operation.arguments {
		sqltext.Fail(t.Pos, "%s takes %d arguments here, not %d", t.Text, operation.arguments, len(e.Arguments))
	}
	if e.Operation == ToBinary {
		e.Text = e.Arguments[1].Text
		if e.Arguments[1].Operation != Literal || !slices.Contains(binaryFormats, e.Text) {
			sqltext.Fail(t.Pos, "TO_BINARY is understood with the formats '%s'", strings.Join(binaryFormats, "', '"))
		}
		e.Arguments = e.Arguments[:1]
	}
	return e
}

package grammar

import (
	"strconv"
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
	p.expectWords("SELECT")
	// The alias stands behind the list that uses it.
	var alias string
	for i := p.next; i+1 < len(p.tokens); i++ {
		if p.tokens[i].kind == word && p.tokens[i].text == "FROM" {
			if i += 2; i < len(p.tokens) && p.tokens[i].kind == word && p.tokens[i].text == "AS" {
				i++
			}
			if i < len(p.tokens) && (p.tokens[i].kind == word || p.tokens[i].kind == quoted) {
				alias = p.tokens[i].text
			}
			break
		}
	}
	c.Transform = []Expression{p.fileValue(alias)}
	for p.accept(",") {
		c.Transform = append(c.Transform, p.fileValue(alias))
	}
	p.expectWords("FROM")
	p.copySource(c)
	if alias != "" {
		p.acceptWords("AS")
		p.identifier()
	}
}

func (p *parser) fileValue(alias string) Expression {
	if p.depth++; p.depth > maxDepth {
		fail(p.peek().pos, "expression is nested too deeply")
	}
	defer func() { p.depth-- }()
	if p.acceptWords("NOT") {
		return Expression{Operation: Not, Arguments: []Expression{p.fileValue(alias)}}
	}
	e := p.fileOperand(alias)
	for p.accept("::") {
		e = Expression{Operation: Cast, Type: p.columnType(), Arguments: []Expression{e}}
	}
	if p.acceptWords("IS") {
		not := p.acceptWords("NOT")
		p.expectWords("NULL")
		e = Expression{Operation: IsNull, Arguments: []Expression{e}}
		if not {
			e = Expression{Operation: Not, Arguments: []Expression{e}}
		}
	}
	return e
}

func (p *parser) fileOperand(alias string) Expression {
	t := p.peek()
	switch {
	case t.kind == text:
		p.next++
		return Expression{Operation: Literal, Text: t.text}
	case t.kind == field:
		return p.fileField()
	case p.accept("("):
		e := p.fileValue(alias)
		p.expect(")")
		return e
	case (t.kind == word || t.kind == quoted) && t.text == alias && p.tokens[p.next+1].text == ".":
		p.next += 2
		if p.peek().kind != field {
			p.unexpected()
		}
		return p.fileField()
	case p.acceptWords("NULL"):
		return Expression{Operation: Null}
	case p.acceptWords("METADATA$FILENAME"):
		return Expression{Operation: FileName}
	case p.acceptWords("METADATA$FILE_ROW_NUMBER"):
		return Expression{Operation: RowNumber}
	case p.acceptWords("CAST"):
		p.expect("(")
		e := Expression{Operation: Cast, Arguments: []Expression{p.fileValue(alias)}}
		p.expectWords("AS")
		e.Type = p.columnType()
		p.expect(")")
		return e
	}
	return p.fileCall(alias)
}

// fileField reads $1 and the path after it: :"a", :a, ."b", ['c'].
func (p *parser) fileField() Expression {
	t := p.advance()
	n, err := strconv.Atoi(t.text)
	if err != nil || n < 1 {
		fail(t.pos, "unexpected '$%s'", t.text)
	}
	e := Expression{Operation: Field, Number: n}
	for {
		switch {
		case p.is(":") && len(e.Path) == 0, p.is(".") && len(e.Path) > 0:
			p.next++
			e.Path = append(e.Path, p.element())
		case p.accept("["):
			e.Path = append(e.Path, p.literal())
			p.expect("]")
		default:
			return e
		}
	}
}

// element reads the name of an element. Such names keep their case, quoted or
// not ("Querying semi-structured data").
func (p *parser) element() string {
	t := p.advance()
	switch t.kind {
	case quoted:
		return t.text
	case word:
		return p.sql[t.pos : t.pos+len(t.text)]
	}
	fail(t.pos, "unexpected '%s'", t.text)
	return ""
}

func (p *parser) fileCall(alias string) Expression {
	t := p.advance()
	operation, known := map[string]struct {
		operation Operation
		arguments int
	}{
		"PARSE_JSON": {ParseJSON, 1}, "IS_NULL_VALUE": {IsNullValue, 1}, "IFF": {Iff, 3}, "NULLIF": {NullIf, 2},
		"TO_BINARY": {ToBinary, 2},
	}[t.text]
	if !known || t.kind != word {
		fail(t.pos, "unexpected '%s': it is not understood in a COPY transformation by this stand-in", t.text)
	}
	p.expect("(")
	e := Expression{Operation: operation.operation, Arguments: []Expression{p.fileValue(alias)}}
	for p.accept(",") {
		e.Arguments = append(e.Arguments, p.fileValue(alias))
	}
	p.expect(")")
	if len(e.Arguments) != operation.arguments {
		fail(t.pos, "%s takes %d arguments here, not %d", t.text, operation.arguments, len(e.Arguments))
	}
	if e.Operation == ToBinary {
		e.Text = e.Arguments[1].Text
		if e.Arguments[1].Operation != Literal || e.Text != "HEX" && e.Text != "BASE64" && e.Text != "UTF-8" {
			fail(t.pos, "TO_BINARY is understood with the formats 'HEX', 'BASE64' and 'UTF-8'")
		}
		e.Arguments = e.Arguments[:1]
	}
	return e
}

package sqltext

import "strings"

// Many reads one or more with commas between them.
func Many[T any](p *Parser, read func() T) []T {
	list := []T{read()}
	for p.Accept(",") {
		list = append(list, read())
	}
	return list
}

// Privileges reads what a GRANT grants, in capitals: ALL, or privileges of one
// word or more.
func (p *Parser) Privileges() []string {
	if p.AcceptWords("all") {
		p.AcceptWords("privileges")
		return []string{"ALL"}
	}
	return Many(p, func() string {
		var words []string
		for p.Peek().Kind == Word && !p.IsWord("on") {
			words = append(words, UpperASCII(p.Advance().Text))
		}
		if words == nil {
			p.Unexpected()
		}
		return strings.Join(words, " ")
	})
}

package table

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Pattern selects tables: schema.table, where * stands for any run of
// characters and ? for one. Case counts. A half in double quotes stands for
// itself, so "Order Items" and "100%*" can be named exactly.
type Pattern struct {
	text   string
	halves [2]half
	match  [2]*regexp.Regexp
}

// ParsePattern reads a pattern. A pattern without a schema is refused rather
// than given one: which schema was meant is not ours to guess.
func ParsePattern(s string) (Pattern, error) {
	halves, err := split(s)
	if err != nil {
		return Pattern{}, fmt.Errorf("parsing table pattern %q: %w", s, err)
	}
	p := Pattern{text: s, halves: halves}
	for i, h := range halves {
		p.match[i] = h.regexp()
	}
	return p, nil
}

// ParsePatterns reads a list of patterns. Its error tells all that are bad.
func ParsePatterns(list []string) ([]Pattern, error) {
	patterns := make([]Pattern, 0, len(list))
	var problems []error
	for _, s := range list {
		p, err := ParsePattern(s)
		patterns, problems = append(patterns, p), append(problems, err)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return patterns, nil
}

// String returns the pattern as it was written.
func (p Pattern) String() string { return p.text }

// Exact reports whether the pattern names one table, without wildcards.
func (p Pattern) Exact() bool {
	for _, h := range p.halves {
		if !h.quoted && strings.ContainsAny(h.text, "*?") {
			return false
		}
	}
	return true
}

// Matches reports whether the pattern selects n.
func (p Pattern) Matches(n Name) bool {
	return p.match[0].MatchString(n.Schema) && p.match[1].MatchString(n.Table)
}

// regexp translates one half. RE2 keeps matching linear, whatever the pattern.
func (h half) regexp() *regexp.Regexp {
	expr := regexp.QuoteMeta(h.text)
	if !h.quoted {
		expr = strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(expr)
	}
	return regexp.MustCompile(`^(?s:` + expr + `)$`)
}

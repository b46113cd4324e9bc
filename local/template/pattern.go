package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Pattern is an EventBridge event pattern. Known are objects, nested as the
// event is, and under them lists of alternatives, each an exact text,
// {prefix: …}, {suffix: …} or {wildcard: …}. Everything that a pattern names
// must be in the event and match; what it does not name does not matter. A
// list in the event matches when one of its elements does.
//
// See "Amazon EventBridge event patterns" in the EventBridge User Guide.
type Pattern struct {
	// A pattern is either fields or, at a leaf, alternatives.
	fields       map[string]Pattern
	alternatives []alternative
}

// alternative tells whether it matches a text.
type alternative func(string) bool

// Matches reports whether the pattern matches the event, a JSON object. An
// event that is no JSON object is an error.
func (p Pattern) Matches(event []byte) (bool, error) {
	var fields map[string]any
	if err := json.Unmarshal(event, &fields); err != nil {
		return false, fmt.Errorf("matching an event: %w", err)
	}
	if fields == nil {
		return false, errors.New("matching an event: got null, want an object")
	}
	return p.matches(fields), nil
}

func (p Pattern) matches(value any) bool {
	switch value := value.(type) {
	case []any:
		return slices.ContainsFunc(value, p.matches)
	case string:
		return slices.ContainsFunc(p.alternatives, func(a alternative) bool { return a(value) })
	case map[string]any:
		if p.fields == nil {
			return false
		}
		for name, inner := range p.fields {
			if field, has := value[name]; !has || !inner.matches(field) {
				return false
			}
		}
		return true
	default:
		return false
	}
}

func newPattern(value any) (Pattern, error) {
	switch value := value.(type) {
	case map[string]any:
		if len(value) == 0 {
			return Pattern{}, errors.New("a pattern with no field")
		}
		p := Pattern{fields: make(map[string]Pattern, len(value))}
		for name, inner := range value {
			if strings.HasPrefix(name, "$") {
				return Pattern{}, fmt.Errorf("operator %s is not known here", name)
			}
			var err error
			if p.fields[name], err = newPattern(inner); err != nil {
				return Pattern{}, fmt.Errorf("field %s: %w", name, err)
			}
		}
		return p, nil
	case []any:
		if len(value) == 0 {
			return Pattern{}, errors.New("an empty list, which EventBridge refuses")
		}
		p := Pattern{alternatives: make([]alternative, len(value))}
		for i, inner := range value {
			var err error
			if p.alternatives[i], err = newAlternative(inner); err != nil {
				return Pattern{}, err
			}
		}
		return p, nil
	default:
		return Pattern{}, fmt.Errorf("got %v, want an object or a list of alternatives", value)
	}
}

func newAlternative(value any) (alternative, error) {
	if text, ok := value.(string); ok {
		return func(s string) bool { return s == text }, resolved(text)
	}
	operator, _ := value.(map[string]any)
	if len(operator) != 1 {
		return nil, fmt.Errorf("alternative %v is not known here; known are a text, prefix, suffix and wildcard", value)
	}
	name := slices.Collect(maps.Keys(operator))[0]
	text, ok := operator[name].(string)
	if !ok {
		return nil, fmt.Errorf("operator %s of %v is not known here; want a text", name, operator[name])
	}
	if err := resolved(text); err != nil {
		return nil, err
	}
	switch name {
	case "prefix":
		return func(s string) bool { return strings.HasPrefix(s, text) }, nil
	case "suffix":
		return func(s string) bool { return strings.HasSuffix(s, text) }, nil
	case "wildcard":
		return newWildcard(text)
	default:
		return nil, fmt.Errorf("operator %s is not known here; known are prefix, suffix and wildcard", name)
	}
}

// newWildcard reads a text in which * stands for any run of characters, / not
// excepted, and \* and \\ for themselves.
func newWildcard(text string) (alternative, error) {
	var expr strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case strings.HasPrefix(text[i:], "**"):
			return nil, fmt.Errorf("wildcard %q has two * in a row, which EventBridge refuses", text)
		case text[i] == '*':
			expr.WriteString(`.*`)
		case strings.HasPrefix(text[i:], `\*`), strings.HasPrefix(text[i:], `\\`):
			i++
			expr.WriteString(regexp.QuoteMeta(text[i : i+1]))
		case text[i] == '\\':
			return nil, fmt.Errorf(`wildcard %q escapes something else than * or \, which EventBridge refuses`, text)
		default:
			expr.WriteString(regexp.QuoteMeta(text[i : i+1]))
		}
	}
	compiled, err := regexp.Compile(`^(?s:` + expr.String() + `)$`)
	if err != nil {
		return nil, fmt.Errorf("wildcard %q: %w", text, err)
	}
	return compiled.MatchString, nil
}

// resolved refuses a text with a reference in it that has no value.
func resolved(text string) error {
	if name := reference.FindString(text); name != "" {
		return fmt.Errorf("%s has no value; give it one", name)
	}
	return nil
}

package grammar

import (
	"slices"
	"strings"

	"github.com/stagelift/stagelift/local/sqltext"
)

// Auto is the format that detects some forms by itself.
const Auto = "AUTO"

// The elements of formats ("Date and time input and output formats", Components
// of a date or time format), a longer one before one that it begins with. YY,
// DY and the elements of years beyond four digits are left out.
var (
	dateElements = []string{"YYYY", "MMMM", "MON", "MM", "DD"}
	timeElements = []string{
		"HH24", "HH12", "AM", "PM", "MI", "SS",
		"FF0", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6", "FF7", "FF8", "FF9", "FF", "TZH", "TZM",
	}
)

// Element is one of a layout's: an element of a format, or the text between two.
type Element struct {
	Text    string
	Between bool
}

// Layout is a format of dates, times or timestamps; nil is AUTO.
type Layout []Element

// ParseLayout reads a format for DATE, TIME or TIMESTAMP. The error is an
// *Error.
func ParseLayout(kind, format string) (l Layout, err error) {
	defer func() {
		if failure := caught(format, recover()); failure != nil {
			l, err = nil, failure
		}
	}()
	if strings.EqualFold(format, Auto) {
		return nil, nil
	}
	return layout(kind, format, 0), nil
}

// layout reads a format, or fails at pos.
func layout(kind, format string, pos int) Layout {
	known := map[string][]string{
		"DATE": dateElements, "TIME": timeElements[:len(timeElements)-2], "TIMESTAMP": slices.Concat(dateElements, timeElements),
	}[kind]
	var l Layout
	for rest := format; rest != ""; {
		i := slices.IndexFunc(known, func(e string) bool { return strings.HasPrefix(strings.ToUpper(rest), e) })
		switch literal, after, closed := strings.Cut(rest[1:], `"`); {
		case i >= 0:
			l = append(l, Element{Text: known[i]})
			rest = rest[len(known[i]):]
		case rest[0] == '"' && closed:
			l, rest = append(l, Element{literal, true}), after
		case rest[0]|0x20 >= 'a' && rest[0]|0x20 <= 'z', rest[0] >= 0x80, rest[0] == '"':
			sqltext.Fail(pos, "%s_FORMAT '%s' is not imitated by this stand-in, from '%s' on", kind, format, rest)
		default:
			l, rest = append(l, Element{rest[:1], true}), rest[1:]
		}
	}
	has := func(elements ...string) bool {
		return slices.ContainsFunc(l, func(e Element) bool { return !e.Between && slices.Contains(elements, e.Text) })
	}
	day := has("YYYY") && has("MM", "MON", "MMMM") && has("DD")
	hour := has("HH24") || has("HH12") && has("AM", "PM")
	if kind != "TIME" && !day || kind == "TIME" && !hour || !hour && has("HH12", "AM", "PM", "MI", "SS") || has("TZM") && !has("TZH") {
		sqltext.Fail(pos, "%s_FORMAT '%s' is not imitated by this stand-in: it does not tell all of a %s", kind, format, strings.ToLower(kind))
	}
	return l
}

// layoutOption reads the value of DATE_FORMAT, TIME_FORMAT or TIMESTAMP_FORMAT.
func (p *parser) layoutOption(option sqltext.Token) Layout {
	if p.AcceptWords(Auto) {
		return nil
	}
	pos := p.Peek().Pos
	format := p.Literal()
	if strings.EqualFold(format, Auto) {
		return nil
	}
	return layout(strings.TrimSuffix(option.Text, "_FORMAT"), format, pos)
}

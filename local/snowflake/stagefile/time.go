package stagefile

import (
	"regexp"
	"strings"
	"time"

	"github.com/stagelift/stagelift/local/snowflake/grammar"
)

// heldFraction is how many digits of a second PostgreSQL keeps.
const heldFraction = 6

// The forms that AUTO detects and that are ISO's. Others, such as 12/17/1980,
// are detected by Snowflake too, and are refused here: a loader has no reason
// to send them.
var (
	dateForm = regexp.MustCompile(`^(\d{4}-\d{2}-\d{2})$`)
	timeForm = regexp.MustCompile(`^(\d{2}:\d{2}:\d{2})(\.\d{1,9})?$`)
	// The offset stands right behind, or behind a space with its minutes.
	stampForm = regexp.MustCompile(`^(\d{4}-\d{2}-\d{2})([ T])(\d{2}:\d{2}:\d{2})(\.\d{1,9})?([+-]\d{2}(?::\d{2})?| [+-]\d{2}:?\d{2})?$`)
)

func notRecognised(kind, code string, v Value) error {
	return wrong(code, "22007", "%s '%s' is not recognized", kind, shown(v))
}

func toDate(v Value, form grammar.Layout) (Value, error) {
	if v.Kind != Text && v.Kind != Date {
		return Value{}, refused("what is no date as a DATE")
	}
	text, matches := string(v.Text), dateForm.Match(v.Text)
	if form != nil && v.Kind == Text {
		var m moment
		m, matches = readMoment(form, text)
		text = m.date
	}
	at, err := time.Parse("2006-01-02", text)
	if err != nil || !matches || at.Year() < 1 {
		return Value{}, notRecognised("Date", "100040", v)
	}
	return Value{Kind: Date, Text: []byte(text)}, nil
}

func toTime(v Value, to Target, form grammar.Layout) (Value, error) {
	if v.Kind != Text && v.Kind != Time {
		return Value{}, cannot(v, to)
	}
	var m moment
	matches := false
	if form != nil && v.Kind == Text {
		m, matches = readMoment(form, string(v.Text))
	} else if parts := timeForm.FindStringSubmatch(string(v.Text)); parts != nil {
		m, matches = moment{clock: parts[1], fraction: parts[2]}, true
	}
	if _, err := time.Parse("15:04:05", m.clock); err != nil || !matches {
		return Value{}, notRecognised("Time", "100108", v)
	}
	return Value{Kind: Time, Text: []byte(m.clock + m.fraction)}, checkFraction(m.fraction, to)
}

// toTimestamp takes an offset where the type has one, and only there: without
// one, the session's time zone would decide.
func toTimestamp(v Value, to Target, form grammar.Layout, zoned bool) (Value, error) {
	switch {
	case v.Kind != Text && v.Kind != TimestampNTZ && v.Kind != TimestampLTZ:
		return Value{}, cannot(v, to)
	case (v.Kind == TimestampNTZ) == zoned && v.Kind != Text:
		return Value{}, refused("a timestamp as a %s, by the session's time zone", to.Type)
	}
	m, matches := readStamp(string(v.Text))
	if form != nil && v.Kind == Text {
		m, matches = readMoment(form, string(v.Text))
	}
	at, err := time.Parse("2006-01-02 15:04:05", m.date+" "+m.clock)
	switch {
	case !matches, err != nil, at.Year() < 1:
		return Value{}, notRecognised("Timestamp", "100035", v)
	case (m.offset != "") != zoned:
		return Value{}, refused("'%s' as a %s: one of the two has no offset", shown(v), to.Type)
	}
	kind := TimestampNTZ
	if zoned {
		kind = TimestampLTZ
	}
	text := m.date + " " + m.clock + m.fraction + m.offset
	return Value{Kind: kind, Text: []byte(text)}, checkFraction(m.fraction, to)
}

// readStamp takes a timestamp in one of the forms of AUTO apart. The list of
// forms has TZH without TZM not behind a T.
func readStamp(text string) (m moment, ok bool) {
	parts := stampForm.FindStringSubmatch(text)
	if parts == nil || parts[2] == "T" && parts[5] != "" && !strings.Contains(parts[5], ":") {
		return moment{}, false
	}
	return moment{parts[1], parts[3], parts[4], strings.TrimSpace(parts[5])}, true
}

// checkFraction refuses what would be rounded away, here or there.
func checkFraction(fraction string, to Target) error {
	digits := strings.TrimRight(strings.TrimPrefix(fraction, "."), "0")
	if len(digits) > min(to.Scale, heldFraction) {
		return refused("%d digits of a second for a %s", len(digits), to.Type)
	}
	return nil
}

package stagefile

import (
	"regexp"
	"strings"
	"time"
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

func toDate(v Value) (Value, error) {
	if v.Kind != Text && v.Kind != Date {
		return Value{}, refused("what is no date as a DATE")
	}
	at, err := time.Parse("2006-01-02", string(v.Text))
	if err != nil || !dateForm.Match(v.Text) || at.Year() < 1 {
		return Value{}, notRecognised("Date", "100040", v)
	}
	return Value{Kind: Date, Text: v.Text}, nil
}

func toTime(v Value, to Target) (Value, error) {
	m := timeForm.FindSubmatch(v.Text)
	if v.Kind != Text && v.Kind != Time {
		return Value{}, cannot(v, to)
	}
	if m == nil {
		return Value{}, notRecognised("Time", "100108", v)
	}
	if _, err := time.Parse("15:04:05", string(m[1])); err != nil {
		return Value{}, notRecognised("Time", "100108", v)
	}
	return Value{Kind: Time, Text: v.Text}, checkFraction(string(m[2]), to)
}

// toTimestamp takes an offset where the type has one, and only there: without
// one, the session's time zone would decide.
func toTimestamp(v Value, to Target, zoned bool) (Value, error) {
	switch {
	case v.Kind != Text && v.Kind != TimestampNTZ && v.Kind != TimestampLTZ:
		return Value{}, cannot(v, to)
	case (v.Kind == TimestampNTZ) == zoned && v.Kind != Text:
		return Value{}, refused("a timestamp as a %s, by the session's time zone", to.Type)
	}
	m := stampForm.FindStringSubmatch(string(v.Text))
	if m == nil {
		return Value{}, notRecognised("Timestamp", "100035", v)
	}
	date, mark, clock, fraction, offset := m[1], m[2], m[3], m[4], m[5]
	at, err := time.Parse("2006-01-02 15:04:05", date+" "+clock)
	switch {
	case err != nil, at.Year() < 1:
		return Value{}, notRecognised("Timestamp", "100035", v)
	case (offset != "") != zoned:
		return Value{}, refused("'%s' as a %s: one of the two has no offset", shown(v), to.Type)
	case mark == "T" && offset != "" && !strings.Contains(offset, ":"):
		// The list of forms has TZH without TZM behind a space only.
		return Value{}, notRecognised("Timestamp", "100035", v)
	}
	kind := TimestampNTZ
	if zoned {
		kind = TimestampLTZ
	}
	text := date + " " + clock + fraction + strings.TrimSpace(offset)
	return Value{Kind: kind, Text: []byte(text)}, checkFraction(fraction, to)
}

// checkFraction refuses what would be rounded away, here or there.
func checkFraction(fraction string, to Target) error {
	digits := strings.TrimRight(strings.TrimPrefix(fraction, "."), "0")
	if len(digits) > min(to.Scale, heldFraction) {
		return refused("%d digits of a second for a %s", len(digits), to.Type)
	}
	return nil
}

package redshift

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stagelift/stagelift/local/redshift/grammar"
)

// formatted gives a column of dates or times the form that the COPY names. To
// load TIMESTAMPTZ in another form than the default one has to say 'auto'
// ("Data conversion parameters", TIMEFORMAT).
func (c *column) formatted(copied *grammar.Copy) error {
	switch {
	case c.kind == "date" && copied.DateFormat != "":
		c.convert = inFormat(grammar.Parts(copied.DateFormat), time.DateOnly, errDate)
	case !strings.HasPrefix(c.kind, "timestamp") || copied.TimeFormat == "":
	case copied.TimeFormat == grammar.EpochSeconds:
		c.convert = epochTime(time.Second)
	case copied.TimeFormat == grammar.EpochMilliseconds:
		c.convert = epochTime(time.Millisecond)
	case c.kind == "timestamp with time zone":
		return errors.New("TIMEFORMAT with a format is not imitated by this stand-in for TIMESTAMPTZ, as column " + c.name + " is: use 'auto'")
	default:
		c.convert = inFormat(grammar.Parts(copied.TimeFormat), "2006-01-02 15:04:05.000000", errTimestamp)
	}
	return nil
}

// epochTime takes whole units since 1970.
func epochTime(unit time.Duration) converter {
	return func(row, value []byte, _ *grammar.Copy) ([]byte, error) {
		n, err := strconv.ParseInt(string(value), 10, 64)
		at := time.Unix(n, 0)
		if unit == time.Millisecond {
			at = time.UnixMilli(n)
		}
		if err != nil || at.Year() < 1 || at.Year() > 9999 {
			return nil, errTimestamp
		}
		return at.UTC().AppendFormat(row, "2006-01-02 15:04:05.000000"), nil
	}
}

var months = strings.Fields("january february march april may june july august september october november december")

// inFormat takes what is written as the format says: as many digits as a part
// has letters, months by their name or its first three letters, seconds with up
// to six decimals.
func inFormat(parts []grammar.Part, layout string, wrong error) converter {
	return func(row, value []byte, _ *grammar.Copy) ([]byte, error) {
		at, err := parseDate(parts, string(value))
		if err != nil {
			return nil, wrong
		}
		return at.AppendFormat(row, layout), nil
	}
}

var errForm = errors.New("not of the form")

// wallClock is what was read so far.
type wallClock struct {
	year, month, day, hour, minute, second, micro int
	half, afternoon                               bool
}

func parseDate(parts []grammar.Part, text string) (time.Time, error) {
	c := wallClock{month: 1, day: 1}
	for _, part := range parts {
		n, err := c.part(part, text)
		if err != nil {
			return time.Time{}, err
		}
		text = text[n:]
	}
	if c.half {
		if c.hour < 1 || c.hour > 12 {
			return time.Time{}, errForm
		}
		if c.hour %= 12; c.afternoon {
			c.hour += 12
		}
	}
	at := time.Date(c.year, time.Month(c.month), c.day, c.hour, c.minute, c.second, c.micro*1000, time.UTC)
	// time.Date takes the 31st of February for a day in March.
	same := at.Year() == c.year && int(at.Month()) == c.month && at.Day() == c.day && at.Hour() == c.hour && at.Minute() == c.minute && at.Second() == c.second
	if text != "" || !same || c.year < 1 {
		return time.Time{}, errForm
	}
	return at, nil
}

// part reads a part and returns how long it is.
func (c *wallClock) part(part grammar.Part, text string) (int, error) {
	if part.Separator {
		if !strings.HasPrefix(text, part.Text) {
			return 0, errForm
		}
		return len(part.Text), nil
	}
	switch part.Text {
	case "MON":
		return c.monthName(text)
	case "AM", "PM":
		if len(text) < 2 || !slices.Contains([]string{"AM", "PM"}, strings.ToUpper(text[:2])) {
			return 0, errForm
		}
		c.half, c.afternoon = true, strings.EqualFold(text[:2], "PM")
		return 2, nil
	case "SS":
		return c.seconds(text)
	}
	width := 2
	if part.Text == "YYYY" {
		width = 4
	}
	if len(text) < width || digits([]byte(text[:width])) < 0 {
		return 0, errForm
	}
	n := digits([]byte(text[:width]))
	into := map[string]*int{
		"YYYY": &c.year, "MM": &c.month, "DD": &c.day, "HH": &c.hour, "HH24": &c.hour, "HH12": &c.hour, "MI": &c.minute,
	}[part.Text]
	if into == nil {
		return 0, fmt.Errorf("part %s: %w", part.Text, errForm)
	}
	*into = n
	c.half = c.half || part.Text == "HH12"
	return width, nil
}

func (c *wallClock) monthName(text string) (int, error) {
	lower := strings.ToLower(text)
	for i, name := range months {
		for _, form := range []string{name, name[:3]} {
			if strings.HasPrefix(lower, form) {
				c.month = i + 1
				return len(form), nil
			}
		}
	}
	return 0, errForm
}

// seconds reads two digits and a fraction.
func (c *wallClock) seconds(text string) (int, error) {
	if len(text) < 2 || digits([]byte(text[:2])) < 0 {
		return 0, errForm
	}
	c.second = digits([]byte(text[:2]))
	if len(text) < 3 || text[2] != '.' {
		return 2, nil
	}
	n := 3
	for n < len(text) && '0' <= text[n] && text[n] <= '9' {
		n++
	}
	if n == 3 || n > 9 {
		return 0, errForm
	}
	c.micro = digits([]byte((text[3:n] + "000000")[:6]))
	return n, nil
}

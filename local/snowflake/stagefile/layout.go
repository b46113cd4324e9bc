package stagefile

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/stagelift/stagelift/local/snowflake/grammar"
)

// moment is a date or a time, taken apart: YYYY-MM-DD, HH:MM:SS, .fraction and
// +HH:MM. What was not there is empty, but a clock, which is midnight then.
type moment struct{ date, clock, fraction, offset string }

// widths are how many digits an element has at most; it may have fewer, but for
// the year and the offset.
var widths = map[string]int{"YYYY": 4, "MM": 2, "DD": 2, "HH24": 2, "HH12": 2, "MI": 2, "SS": 2, "TZM": 2, "FF": 9}

// readMoment takes a text apart as a format says ("Date and time input and
// output formats", Components of a date or time format).
func readMoment(form grammar.Layout, text string) (moment, bool) {
	r := layoutReader{rest: text, found: map[string]string{}}
	for _, e := range form {
		if !r.element(e) {
			return moment{}, false
		}
	}
	return r.moment()
}

type layoutReader struct {
	rest  string
	found map[string]string
}

// element takes what one element stands for.
func (r *layoutReader) element(e grammar.Element) (ok bool) {
	switch {
	case e.Between:
		r.rest, ok = strings.CutPrefix(r.rest, e.Text)
		return ok
	case e.Text == "AM", e.Text == "PM":
		return r.word("AM", "AM") || r.word("AM", "PM")
	case e.Text == "MON", e.Text == "MMMM":
		return r.month(e.Text == "MMMM")
	case e.Text == "TZH":
		return r.offset()
	case e.Text == "FF":
		return r.digits("FF", widths["FF"])
	case strings.HasPrefix(e.Text, "FF"):
		n := int(e.Text[2] - '0')
		return r.digits("FF", n) || n == 0
	}
	return r.digits(e.Text, widths[e.Text]) && (e.Text != "YYYY" || len(r.found["YYYY"]) == widths["YYYY"])
}

func (r *layoutReader) digits(element string, most int) bool {
	n := 0
	for n < len(r.rest) && n < most && '0' <= r.rest[n] && r.rest[n] <= '9' {
		n++
	}
	r.found[element], r.rest = r.rest[:n], r.rest[n:]
	return n > 0
}

func (r *layoutReader) word(element, word string) bool {
	if len(r.rest) < len(word) || !strings.EqualFold(r.rest[:len(word)], word) {
		return false
	}
	r.found[element], r.rest = word, r.rest[len(word):]
	return true
}

// month reads a name, in full or by its first three letters; MMMM is the full
// name.
func (r *layoutReader) month(full bool) bool {
	for m := time.January; m <= time.December; m++ {
		if r.word("MM", m.String()) || !full && r.word("MM", m.String()[:3]) {
			r.found["MM"] = strconv.Itoa(int(m))
			return true
		}
	}
	return false
}

func (r *layoutReader) offset() bool {
	if r.rest == "" || r.rest[0] != '+' && r.rest[0] != '-' {
		return false
	}
	sign := r.rest[:1]
	r.rest = r.rest[1:]
	ok := r.digits("TZH", 2) && len(r.found["TZH"]) == 2
	r.found["TZH"] = sign + r.found["TZH"]
	return ok
}

// moment puts together what was found. Whether there is such a day, and such a
// time, is for others to say.
func (r *layoutReader) moment() (moment, bool) {
	number := func(element string) int {
		n, _ := strconv.Atoi(r.found[element]) // what was not there is 0
		return n
	}
	hour := number("HH24")
	if half := number("HH12"); r.found["HH12"] != "" {
		if half < 1 || half > 12 {
			return moment{}, false
		}
		hour = half % 12
		if r.found["AM"] == "PM" {
			hour += 12
		}
	}
	m := moment{
		date:  fmt.Sprintf("%04d-%02d-%02d", number("YYYY"), number("MM"), number("DD")),
		clock: fmt.Sprintf("%02d:%02d:%02d", hour, number("MI"), number("SS")),
	}
	if fraction := r.found["FF"]; fraction != "" {
		m.fraction = "." + fraction
	}
	if hours := r.found["TZH"]; hours != "" {
		m.offset = fmt.Sprintf("%s:%02d", hours, number("TZM"))
	}
	return m, r.rest == ""
}

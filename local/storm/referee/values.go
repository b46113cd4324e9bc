package referee

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Column is a column as a receipt names it, with PostgreSQL's type.
type Column struct{ Name, Type string }

// image is what two versions of a row are compared by.
func image(d Doc, columns []Column) string {
	var b strings.Builder
	for _, c := range columns {
		if value, there := d[c.Name]; there {
			b.WriteString(canonical(c.Type, value))
		} else {
			b.WriteByte(0)
		}
		b.WriteByte('\x1f')
	}
	return b.String()
}

// canonical is the same for all ways in which a value is written.
func canonical(kind, value string) string {
	if strings.HasPrefix(kind, "timestamp") || kind == "date" {
		if at, ok := parseTime(value); ok {
			return strconv.FormatInt(at, 10)
		}
	}
	return Fold(value)
}

// pieces are as long as an MD5 in hexadecimal digits.
const piece = 32

// Fold shortens a text that repeats its first 32 bytes, twice at least, so that wide rows can be
// kept in the log: abc…abc… becomes abc…*n. What was folded stays as it is.
func Fold(s string) string {
	if len(s) < 2*piece || len(s)%piece != 0 || strings.Repeat(s[:piece], len(s)/piece) != s {
		return s
	}
	return s[:piece] + "*" + strconv.Itoa(len(s)/piece)
}

var timeShapes = []string{
	"2006-01-02T15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999",
	"2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999Z07", "2006-01-02 15:04:05.999999999",
	"2006-01-02",
}

// parseTime returns microseconds since 1970, the largest or smallest number for
// an infinity.
func parseTime(s string) (int64, bool) {
	switch s {
	case "infinity":
		return math.MaxInt64, true
	case "-infinity":
		return math.MinInt64, true
	}
	for _, shape := range timeShapes {
		if at, err := time.Parse(shape, s); err == nil {
			return at.UnixMicro(), true
		}
	}
	return 0, false
}

// cursorOf reads a cursor's value: a time or a number. It is false for NULL and
// what is neither.
func cursorOf(value string) (int64, bool) {
	if n, err := strconv.ParseInt(value, 10, 64); err == nil {
		return n, true
	}
	return parseTime(value)
}

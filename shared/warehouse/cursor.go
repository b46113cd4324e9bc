package warehouse

import (
	"fmt"
	"math/big"
	"strings"
)

// precedes reports whether a lies before b, both as PostgreSQL prints values of
// the type, with DateStyle ISO and in UTC. Empty is before everything but
// itself.
func precedes(kind, a, b string) (bool, error) {
	if a == "" || b == "" || a == b {
		return a == "" && b != "", nil
	}
	if kind, _, _ = strings.Cut(kind, "("); timed(kind) {
		x, y := moment(a), moment(b)
		return x.era < y.era || x.era == y.era && x.text < y.text, nil
	}
	if strings.Trim(a+b, "0123456789.-") != "" { // nor what big.Rat reads besides, such as 1e999999999
		return false, fmt.Errorf("%q and %q of type %s have no order that is known here", a, b, kind)
	}
	x, isNumber := new(big.Rat).SetString(a)
	y, areNumbers := new(big.Rat).SetString(b)
	if !isNumber || !areNumbers {
		return false, fmt.Errorf("%q and %q of type %s have no order that is known here", a, b, kind)
	}
	return x.Cmp(y) < 0, nil
}

func timed(kind string) bool { return kind == "date" || strings.HasPrefix(kind, "timestamp") }

// instant orders as the value does. Era orders those that do not order as text:
// years past 9999 by their digits, infinities round all of them.
type instant struct {
	era  int
	text string
}

// infinite is beyond the digits of every year.
const infinite = 100

func moment(s string) instant {
	switch s {
	case "infinity":
		return instant{era: infinite}
	case "-infinity":
		return instant{era: -infinite}
	}
	if before, isBefore := strings.CutSuffix(s, " BC"); isBefore {
		year, rest, _ := strings.Cut(before, "-")
		return instant{era: -len(year), text: complement(year) + "-" + rest}
	}
	year, _, _ := strings.Cut(s, "-")
	// The offset is +00 in all of them. Without it a moment without fractions of
	// a second is the beginning of one that has them, and sorts first.
	return instant{era: len(year), text: strings.TrimSuffix(s, "+00")}
}

// complement turns the order of digits round: of two years before Christ the
// larger is the earlier.
func complement(digits string) string {
	return strings.Map(func(r rune) rune { return '9' - (r - '0') }, digits)
}

package redshift

import (
	"time"

	"github.com/stagelift/stagelift/local/redshift/grammar"
)

var (
	errDate      = faulty(codeDate, "Invalid Date Format - want YYYY-MM-DD")
	errTime      = faulty(codeTimestamp, "Invalid time format or value [HH:MI:SS]")
	errTimestamp = faulty(codeTimestamp, "Invalid timestamp format or value [YYYY-MM-DD HH24:MI:SS]")
)

// date takes YYYY-MM-DD. Of what DATEFORMAT 'auto' would recognise besides
// (month names, years before Christ, infinity) nothing is taken: a loader has
// no reason to send it, and how much of it keeps its value is not documented.
func date(row, value []byte, _ *grammar.Copy) ([]byte, error) {
	if n := scanDate(value); n != len(value) || n == 0 {
		return nil, errDate
	}
	return append(row, value...), nil
}

// timestamp takes a date, a space (under TIMEFORMAT 'auto' a T will do) and a
// time; a zone too where the column has one. Without, UTC is meant.
func timestamp(zoned bool) converter {
	return func(row, value []byte, c *grammar.Copy) ([]byte, error) {
		n := scanDate(value)
		if n == 0 {
			return nil, errTimestamp
		}
		if n < len(value) {
			if value[n] != ' ' && (value[n] != 'T' || !c.TimeAuto) {
				return nil, errTimestamp
			}
			used, midnight := scanTime(value[n+1:])
			if used == 0 || midnight {
				return nil, errTimestamp
			}
			n += 1 + used
		}
		if zoned {
			n += scanZone(value[n:])
		}
		if n != len(value) {
			return nil, errTimestamp
		}
		return append(row, value...), nil
	}
}

// timeOfDay takes 00:00:00 to 24:00:00 ("Datetime types").
func timeOfDay(zoned bool) converter {
	return func(row, value []byte, _ *grammar.Copy) ([]byte, error) {
		n, _ := scanTime(value)
		if zoned && n > 0 {
			n += scanZone(value[n:])
		}
		if n == 0 || n != len(value) {
			return nil, errTime
		}
		return append(row, value...), nil
	}
}

// scanDate returns the length of the date that b starts with, or 0.
func scanDate(b []byte) int {
	const length = len("2006-01-02")
	if len(b) < length || b[4] != '-' || b[7] != '-' {
		return 0
	}
	year, month, day := digits(b[:4]), digits(b[5:7]), digits(b[8:10])
	if year < 1 || month < 1 || month > 12 || day < 1 || day > daysIn(year, time.Month(month)) {
		return 0
	}
	return length
}

func daysIn(year int, month time.Month) int {
	return time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// scanTime returns the length of the time that b starts with, or 0, and
// whether it is 24:00:00.
func scanTime(b []byte) (length int, midnight bool) {
	const whole = len("15:04:05")
	if len(b) < whole || b[2] != ':' || b[5] != ':' {
		return 0, false
	}
	hour, minute, second := digits(b[:2]), digits(b[3:5]), digits(b[6:8])
	if hour < 0 || hour > 24 || minute < 0 || minute > 59 || second < 0 || second > 59 {
		return 0, false
	}
	length = whole
	zero := true
	if len(b) > whole && b[whole] == '.' {
		for length++; length < len(b) && '0' <= b[length] && b[length] <= '9'; length++ {
			zero = zero && b[length] == '0'
		}
		if fraction := length - whole - 1; fraction < 1 || fraction > 6 {
			return 0, false
		}
	}
	if hour == 24 {
		if minute+second > 0 || !zero {
			return 0, false
		}
		return length, true
	}
	return length, false
}

// scanZone returns the length of the offset that b starts with, +HH, +HH:MM
// or +HH:MM:SS as PostgreSQL prints it, or Z; 0 where there is none.
func scanZone(b []byte) int {
	switch {
	case len(b) == 1 && b[0] == 'Z':
		return 1
	case len(b) < 3 || b[0] != '+' && b[0] != '-' || digits(b[1:3]) < 0 || digits(b[1:3]) > 15:
		return 0
	}
	n := 3
	for range 2 {
		if len(b) < n+3 || b[n] != ':' || digits(b[n+1:n+3]) < 0 || digits(b[n+1:n+3]) > 59 {
			break
		}
		n += 3
	}
	return n
}

// digits returns the number that b spells, or -1.
func digits(b []byte) int {
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}

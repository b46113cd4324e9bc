package copybinary

import "strconv"

const (
	infinity         = "infinity"
	negativeInfinity = "-infinity"
)

// AppendDate appends a date: 2026-11-21, 0044-03-15 BC, 12345-06-07, infinity.
func AppendDate(dst, raw []byte) ([]byte, error) {
	days, err := Date(raw)
	switch {
	case err != nil:
		return dst, err
	case days == DateInfinity:
		return append(dst, infinity...), nil
	case days == DateNegativeInfinity:
		return append(dst, negativeInfinity...), nil
	}
	dst, before := appendDay(dst, int64(days))
	return appendEra(dst, before), nil
}

// AppendTime appends a time: 12:34:56.7.
func AppendTime(dst, raw []byte) ([]byte, error) {
	micros, err := Time(raw)
	if err != nil {
		return dst, err
	}
	return appendClock(dst, micros), nil
}

// AppendTimeTZ appends a time and its offset, which has minutes and seconds
// only where they are not 0: 12:34:56.7+05:30, 12:34:56-08.
func AppendTimeTZ(dst, raw []byte) ([]byte, error) {
	micros, west, err := TimeTZ(raw)
	if err != nil {
		return dst, err
	}
	dst = appendClock(dst, micros)
	sign := byte('+')
	if west > 0 {
		sign = '-'
	} else {
		west = -west
	}
	dst = appendPair(append(dst, sign), int64(west/3600))
	if minutes, seconds := west/60%60, west%60; minutes != 0 || seconds != 0 {
		dst = appendPair(append(dst, ':'), int64(minutes))
		if seconds != 0 {
			dst = appendPair(append(dst, ':'), int64(seconds))
		}
	}
	return dst, nil
}

// AppendTimestamp appends a timestamp: 2026-11-21 00:30:00.12, with BC at its
// end.
func AppendTimestamp(dst, raw []byte) ([]byte, error) { return appendTimestamp(dst, raw, ' ', "") }

// AppendTimestampTZ appends a timestamp in UTC: 2026-11-21 00:30:00.12+00.
func AppendTimestampTZ(dst, raw []byte) ([]byte, error) {
	return appendTimestamp(dst, raw, ' ', "+00")
}

// AppendTimestampISO appends a timestamp as to_json() prints it:
// 2026-11-21T00:30:00.12.
func AppendTimestampISO(dst, raw []byte) ([]byte, error) { return appendTimestamp(dst, raw, 'T', "") }

// AppendTimestampTZISO appends a timestamp in UTC as to_json() prints it:
// 2026-11-21T00:30:00.12+00:00.
func AppendTimestampTZISO(dst, raw []byte) ([]byte, error) {
	return appendTimestamp(dst, raw, 'T', "+00:00")
}

func appendTimestamp(dst, raw []byte, separator byte, offset string) ([]byte, error) {
	micros, err := Timestamp(raw)
	switch {
	case err != nil:
		return dst, err
	case micros == TimestampInfinity:
		return append(dst, infinity...), nil
	case micros == TimestampNegativeInfinity:
		return append(dst, negativeInfinity...), nil
	}
	days, clock := micros/dayMicros, micros%dayMicros
	if clock < 0 {
		days, clock = days-1, clock+dayMicros
	}
	dst, before := appendDay(dst, days)
	dst = appendClock(append(dst, separator), clock)
	return appendEra(append(dst, offset...), before), nil
}

// appendDay appends year, month and day, and tells whether it is before Christ.
func appendDay(dst []byte, days int64) (_ []byte, before bool) {
	year, month, day := civil(days)
	if before = year <= 0; before {
		year = 1 - year
	}
	if year > 9999 {
		dst = strconv.AppendInt(dst, year, 10)
	} else {
		dst = appendPair(appendPair(dst, year/100), year%100)
	}
	dst = appendPair(append(dst, '-'), month)
	return appendPair(append(dst, '-'), day), before
}

func appendEra(dst []byte, before bool) []byte {
	if before {
		return append(dst, " BC"...)
	}
	return dst
}

// civil returns the day of the Gregorian calendar, carried back to before it
// was made, of so many days since 2000-01-01. Year 0 is 1 BC.
//
// Years are counted from March, so that the leap day is the last of a year and
// the months before it have fixed lengths: those from March on follow 153 days
// to five months.
func civil(days int64) (year, month, day int64) {
	const (
		eraDays   = 146_097          // of 400 years
		fromMarch = 5*eraDays - 60   // days from 0000-03-01 to 2000-01-01
		shift     = 40_000 * eraDays // makes all days of PostgreSQL positive
	)
	days += fromMarch + shift
	era, ofEra := days/eraDays, days%eraDays
	years := (ofEra - ofEra/1460 + ofEra/36_524 - ofEra/146_096) / 365
	ofYear := ofEra - (365*years + years/4 - years/100)
	fifth := (5*ofYear + 2) / 153
	year, month, day = 400*(era-40_000)+years, fifth+3, ofYear-(153*fifth+2)/5+1
	if month > 12 {
		return year + 1, month - 12, day
	}
	return year, month, day
}

// appendClock appends hours, minutes, seconds and what is left of a second,
// without zeros at its end.
func appendClock(dst []byte, micros int64) []byte {
	seconds, fraction := micros/microseconds, micros%microseconds
	dst = appendPair(dst, seconds/3600)
	dst = appendPair(append(dst, ':'), seconds/60%60)
	dst = appendPair(append(dst, ':'), seconds%60)
	if fraction == 0 {
		return dst
	}
	dst = append(dst, '.')
	for unit := int64(microseconds / 10); fraction > 0; unit /= 10 {
		dst = append(dst, byte('0'+fraction/unit)) //nolint:gosec // one digit
		fraction %= unit
	}
	return dst
}

// appendPair appends two digits.
func appendPair(dst []byte, n int64) []byte {
	return append(dst, byte('0'+n/10), byte('0'+n%10)) //nolint:gosec // 0 to 99
}

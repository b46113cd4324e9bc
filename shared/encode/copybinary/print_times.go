package copybinary

import "encoding/binary"

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
	return appendOffset(append(dst, sign), uint32(west)), nil //nolint:gosec // it is not negative here
}

// appendOffset appends hours, and minutes and seconds where they are not 0.
func appendOffset(dst []byte, seconds uint32) []byte {
	dst = appendPair(dst, seconds/3600)
	if seconds%3600 == 0 {
		return dst
	}
	dst = appendPair(append(dst, ':'), seconds/60%60)
	if seconds%60 == 0 {
		return dst
	}
	return appendPair(append(dst, ':'), seconds%60)
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
		dst = appendUint(dst, uint64(year))
	} else {
		short := uint32(year) //nolint:gosec // 1 to 9999
		dst = appendPair(appendPair(dst, short/100), short%100)
	}
	dst, to := room(dst, 6)
	to = to[:6]
	to[0], to[3] = '-', '-'
	putPair(to[1:], month)
	putPair(to[4:], day)
	return dst, before
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
// Years are counted from March, so that the leap day is the last of a year. The
// divisions by the lengths of years and months are multiplications: those of
// Cassio Neri and Lorenz Schneider, Euclidean affine functions and their
// application to calendar algorithms.
func civil(days int64) (year int64, month, day uint32) {
	const (
		eraDays   = 146_097        // of 400 years
		fromMarch = 5*eraDays - 60 // days from 0000-03-01 to 2000-01-01
		eras      = 40_000         // make all days of PostgreSQL positive
	)
	fourth := 4*uint64(days+fromMarch+eras*eraDays) + 3 //nolint:gosec // not negative
	century, ofCentury := fourth/eraDays, fourth%eraDays/4
	product := 2_939_745 * (4*ofCentury + 3)
	ofYear := uint32(product) / 2_939_745 / 4 //nolint:gosec // the lower half
	scaled := 2141*ofYear + 197_913
	year = int64(100*century+product>>32) - 400*eras //nolint:gosec // a year
	month, day = scaled>>16, scaled&0xffff/2141+1
	if ofYear >= 306 {
		return year + 1, month - 12, day
	}
	return year, month, day
}

// appendClock appends hours, minutes, seconds and what is left of a second.
func appendClock(dst []byte, micros int64) []byte {
	seconds, fraction := uint32(micros/microseconds), uint32(micros%microseconds) //nolint:gosec // of a day
	dst, to := room(dst, 8)
	to = to[:8]
	to[2], to[5] = ':', ':'
	putPair(to, seconds/3600)
	putPair(to[3:], seconds/60%60)
	putPair(to[6:], seconds%60)
	return appendMillionths(dst, fraction)
}

// appendPair appends two digits.
func appendPair(dst []byte, n uint32) []byte { return binary.LittleEndian.AppendUint16(dst, pairs[n]) }

package copybinary

import (
	"fmt"
	"math"
)

// What Date, Timestamp and TimestampTZ return for the infinities.
const (
	DateInfinity              = math.MaxInt32
	DateNegativeInfinity      = math.MinInt32
	TimestampInfinity         = math.MaxInt64
	TimestampNegativeInfinity = math.MinInt64
)

const (
	microseconds = 1_000_000 // of a second
	daySeconds   = 86_400
	dayMicros    = daySeconds * microseconds

	// What PostgreSQL takes for dates, 4714-11-24 BC to 5874897-12-31, and for
	// timestamps, from there to 294276-12-31, in their units since 2000-01-01.
	firstDate, endDate           = -2_451_545, 2_145_031_949
	firstTimestamp, endTimestamp = -211_813_488_000_000_000, 9_223_371_331_200_000_000

	// endOffset is beyond the largest offset from UTC, 15:59:59.
	endOffset = 16 * 3600
)

// Date reads table.WireDate: days since 2000-01-01, or an infinity.
func Date(raw []byte) (days int32, err error) {
	if len(raw) != 4 {
		return 0, lengthError("a date", raw, 4)
	}
	days = readInt32(raw)
	if (days < firstDate || days >= endDate) && days != DateInfinity && days != DateNegativeInfinity {
		return 0, fmt.Errorf("reading a date: %d days from 2000-01-01 are outside PostgreSQL's range", days)
	}
	return days, nil
}

// Time reads table.WireTime: microseconds since midnight, 24:00:00 included.
func Time(raw []byte) (micros int64, err error) {
	if len(raw) != 8 {
		return 0, lengthError("a time", raw, 8)
	}
	micros = readInt64(raw)
	if micros < 0 || micros > dayMicros {
		return 0, fmt.Errorf("reading a time: %d microseconds are not within a day", micros)
	}
	return micros, nil
}

// TimeTZ reads table.WireTimeTZ: a time and the seconds that its zone is west
// of Greenwich.
func TimeTZ(raw []byte) (micros int64, west int32, err error) {
	if len(raw) != 12 {
		return 0, 0, lengthError("a time with time zone", raw, 12)
	}
	if micros, err = Time(raw[:8]); err != nil {
		return 0, 0, err
	}
	west = readInt32(raw[8:])
	if west <= -endOffset || west >= endOffset {
		return 0, 0, fmt.Errorf("reading a time with time zone: %d seconds from UTC are outside PostgreSQL's range", west)
	}
	return micros, west, nil
}

// Timestamp reads table.WireTimestamp and table.WireTimestampTZ: microseconds
// since 2000-01-01, in UTC where there is a time zone, or an infinity.
func Timestamp(raw []byte) (micros int64, err error) {
	if len(raw) != 8 {
		return 0, lengthError("a timestamp", raw, 8)
	}
	micros = readInt64(raw)
	if (micros < firstTimestamp || micros >= endTimestamp) && micros != TimestampInfinity && micros != TimestampNegativeInfinity {
		return 0, fmt.Errorf("reading a timestamp: %d microseconds from 2000-01-01 are outside PostgreSQL's range", micros)
	}
	return micros, nil
}

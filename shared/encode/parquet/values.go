package parquet

import (
	"math"

	"github.com/stagelift/stagelift/shared/encode/copybinary"
	"github.com/stagelift/stagelift/shared/table"
)

// storing is how a column's values lie in a page.
type storing int

const (
	storeBytes storing = iota
	storeBit
	storeFour
	storeEight
	storeFixed
)

// misfit is a value that its column cannot hold, in words; empty for one that
// it holds.
type misfit string

// misfitError is a misfit that is not to become NULL.
type misfitError struct{ misfit misfit }

func (e *misfitError) Error() string { return string(e.misfit) + ", which the column cannot hold" }

const (
	infinity         misfit = "infinity"
	negativeInfinity misfit = "-infinity"
)

// way is how a value gets from the wire into a column.
type way int

const (
	wayBytes way = iota
	// wayUnchecked is text that must be looked at.
	wayUnchecked
	wayJSONB
	wayText
	wayBoolean
	wayInt16
	wayInt32
	wayInt64
	wayOID
	wayFloat
	wayDouble
	wayDecimal
	wayDate
	wayTime
	wayTimestamp
)

// form is what is known of a column's values.
type form struct {
	way     way
	store   storing
	decimal bool
}

// shape is what a form depends on.
type shape struct {
	wire     table.Wire
	physical table.ParquetPhysical
	logical  table.ParquetLogical
}

var forms = map[shape]form{
	{table.WireText, table.ParquetBytes, table.ParquetString}:             {way: wayBytes},
	{table.WireJSON, table.ParquetBytes, table.ParquetString}:             {way: wayBytes},
	{table.WireBytes, table.ParquetBytes, table.ParquetNone}:              {way: wayBytes},
	{table.WireJSONB, table.ParquetBytes, table.ParquetString}:            {way: wayJSONB},
	{table.WireNumeric, table.ParquetBytes, table.ParquetString}:          {way: wayText},
	{table.WireTimeTZ, table.ParquetBytes, table.ParquetString}:           {way: wayText},
	{table.WireUUID, table.ParquetBytes, table.ParquetString}:             {way: wayText},
	{table.WireChar, table.ParquetBytes, table.ParquetString}:             {way: wayText},
	{table.WireBool, table.ParquetBoolean, table.ParquetNone}:             {way: wayBoolean, store: storeBit},
	{table.WireInt16, table.ParquetInt32, table.ParquetInt16}:             {way: wayInt16, store: storeFour},
	{table.WireInt32, table.ParquetInt32, table.ParquetNone}:              {way: wayInt32, store: storeFour},
	{table.WireInt64, table.ParquetInt64, table.ParquetNone}:              {way: wayInt64, store: storeEight},
	{table.WireOID, table.ParquetInt64, table.ParquetNone}:                {way: wayOID, store: storeEight},
	{table.WireFloat32, table.ParquetFloat, table.ParquetNone}:            {way: wayFloat, store: storeFour},
	{table.WireFloat64, table.ParquetDouble, table.ParquetNone}:           {way: wayDouble, store: storeEight},
	{table.WireNumeric, table.ParquetFixed, table.ParquetDecimal}:         {way: wayDecimal, store: storeFixed, decimal: true},
	{table.WireDate, table.ParquetInt32, table.ParquetDate}:               {way: wayDate, store: storeFour},
	{table.WireTime, table.ParquetInt64, table.ParquetTime}:               {way: wayTime, store: storeEight},
	{table.WireTimestamp, table.ParquetInt64, table.ParquetTimestamp}:     {way: wayTimestamp, store: storeEight},
	{table.WireTimestampTZ, table.ParquetInt64, table.ParquetTimestampTZ}: {way: wayTimestamp, store: storeEight},
}

// value takes a value that is not NULL.
func (c *column) value(raw []byte) (misfit, error) {
	switch c.form.way {
	case wayBytes:
		c.bounds.text(raw)
		return "", c.put(raw)
	case wayUnchecked:
		if err := copybinary.UTF8(raw); err != nil {
			return "", err
		}
		c.bounds.text(raw)
		return "", c.put(raw)
	case wayDecimal:
		return c.decimal(raw)
	case wayTime:
		return c.time(raw)
	case wayTimestamp:
		return c.timestamp(raw)
	case wayDate:
		return c.date(raw)
	case wayInt16, wayInt32, wayInt64, wayOID:
		return "", c.integer(raw)
	case wayText, wayJSONB:
		return "", c.printed(raw)
	case wayBoolean, wayFloat, wayDouble:
	}
	return "", c.float(raw)
}

func (c *column) integer(raw []byte) error {
	var (
		narrow int16
		number int32
		oid    uint32
		long   int64
		err    error
	)
	switch c.form.way {
	case wayInt16:
		narrow, err = copybinary.Int16(raw)
		number = int32(narrow)
	case wayInt32:
		number, err = copybinary.Int32(raw)
	case wayOID:
		oid, err = copybinary.OID(raw)
		long = int64(oid)
	default:
		long, err = copybinary.Int64(raw)
	}
	switch {
	case err != nil:
		return err
	case c.form.store == storeFour:
		return c.four(number)
	}
	return c.eight(long)
}

func (c *column) four(v int32) error {
	c.bounds.number(int64(v))
	return c.put32(uint32(v)) //nolint:gosec // the same bits
}

func (c *column) eight(v int64) error {
	c.bounds.number(v)
	return c.put64(uint64(v)) //nolint:gosec // the same bits
}

func (c *column) float(raw []byte) error {
	switch c.form.way {
	case wayFloat:
		v, err := copybinary.Float32(raw)
		if err != nil {
			return err
		}
		c.bounds.float(float64(v))
		return c.put32(math.Float32bits(v))
	case wayDouble:
		v, err := copybinary.Float64(raw)
		if err != nil {
			return err
		}
		c.bounds.float(v)
		return c.put64(math.Float64bits(v))
	default:
		v, err := copybinary.Bool(raw)
		if err != nil {
			return err
		}
		c.putBit(v)
		c.bounds.boolean(v)
		return nil
	}
}

// printed takes a value that is text in the column only.
func (c *column) printed(raw []byte) error {
	var (
		text []byte
		err  error
	)
	if c.form.way == wayJSONB {
		text, err = copybinary.JSONB(raw)
	} else {
		text, err = copybinary.AppendText(c.scratch[:0], c.field.Wire, raw)
		c.scratch = text
		// A numeric of a few bytes can have 131,072 digits.
		c.pages.expanded += int64(len(text))
	}
	if err != nil {
		return err
	}
	c.bounds.text(text)
	return c.put(text)
}

// PostgreSQL counts from 2000-01-01, Parquet from 1970-01-01.
const (
	epochDays   = 10957
	epochMicros = epochDays * dayMicros
	dayMicros   = 24 * 60 * 60 * 1_000_000
)

func (c *column) date(raw []byte) (misfit, error) {
	days, err := copybinary.Date(raw)
	switch {
	case err != nil:
		return "", err
	case days == copybinary.DateInfinity:
		return infinity, nil
	case days == copybinary.DateNegativeInfinity:
		return negativeInfinity, nil
	}
	// PostgreSQL's last date is far enough from the end of 32 bits.
	return "", c.four(days + epochDays)
}

func (c *column) time(raw []byte) (misfit, error) {
	micros, err := copybinary.Time(raw)
	if err == nil && micros == dayMicros {
		return "24:00:00", nil
	}
	if err != nil {
		return "", err
	}
	return "", c.eight(micros)
}

func (c *column) timestamp(raw []byte) (misfit, error) {
	micros, err := copybinary.Timestamp(raw)
	switch {
	case err != nil:
		return "", err
	case micros == copybinary.TimestampInfinity:
		return infinity, nil
	case micros == copybinary.TimestampNegativeInfinity:
		return negativeInfinity, nil
	case micros > math.MaxInt64-epochMicros:
		return "a timestamp beyond 64 bits of microseconds since 1970", nil
	}
	return "", c.eight(micros + epochMicros)
}

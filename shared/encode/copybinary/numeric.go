package copybinary

import (
	"encoding/binary"
	"fmt"
)

// Numeric is table.WireNumeric taken apart. Its value is the sum of
// Group(i) × 10000^(Weight−i), negated where Negative.
type Numeric struct {
	// Special is NaN or an infinity, then everything else is zero; otherwise 0.
	Special Special
	// Negative is false for zero.
	Negative bool
	// Weight is the power of 10000 of the first group; 0 where there is none.
	Weight int
	// Scale is how many decimal digits are printed behind the point. No group
	// has digits beyond them.
	Scale int
	// groups are two bytes each. The first is not 0.
	groups []byte
}

// Special is a numeric that is no number.
type Special byte

// The specials.
const (
	NaN Special = iota + 1
	Infinity
	NegativeInfinity
)

// String is the special as PostgreSQL prints it.
func (s Special) String() string {
	return [...]string{"", "NaN", "Infinity", "-Infinity"}[s]
}

const (
	groupDigits = 4
	groupLimit  = 10_000
	// maxGroups hold the 131,072 digits before the point and the 16,383 behind
	// it. The count of them outgrows the signed number that the manual has it
	// be; the server writes it as one of 16 bits.
	maxGroups = 1<<15 + 1<<12
	// scaleLimit is beyond the largest scale, NUMERIC_DSCALE_MAX.
	scaleLimit = 1 << 14
)

// Groups returns the number of groups.
func (n *Numeric) Groups() int { return len(n.groups) / 2 }

// Group returns the group, four decimal digits, at i; 0 where there is none.
func (n *Numeric) Group(i int) int {
	if i < 0 || 2*i >= len(n.groups) {
		return 0
	}
	return int(readInt16(n.groups[2*i:]))
}

// ReadNumeric reads table.WireNumeric. What it returns shares its bytes with
// raw.
func ReadNumeric(raw []byte) (n Numeric, err error) {
	if len(raw) < 8 {
		return Numeric{}, fmt.Errorf("reading a numeric: %d bytes, want eight or more", len(raw))
	}
	count, weight, scale := int(binary.BigEndian.Uint16(raw)), int(readInt16(raw[2:])), int(readInt16(raw[6:]))
	if count > maxGroups || len(raw) != 8+2*count {
		return Numeric{}, fmt.Errorf("reading a numeric: %d groups of digits in %d bytes, want two bytes for each and eight before", count, len(raw))
	}
	switch sign := uint16(readInt16(raw[4:])); sign { //nolint:gosec // the bits count
	case 0x0000:
	case 0x4000:
		n.Negative = true
	case 0xc000:
		return special(NaN, count)
	case 0xd000:
		return special(Infinity, count)
	case 0xf000:
		return special(NegativeInfinity, count)
	default:
		return Numeric{}, fmt.Errorf("reading a numeric: a sign of %#x, want 0, 0x4000, 0xc000, 0xd000 or 0xf000", sign)
	}
	if scale < 0 || scale >= scaleLimit {
		return Numeric{}, fmt.Errorf("reading a numeric: a scale of %d, want 0 to %d", scale, scaleLimit-1)
	}
	n.Weight, n.Scale, n.groups = weight, scale, raw[8:]
	return n, n.check()
}

func special(s Special, count int) (Numeric, error) {
	if count != 0 {
		return Numeric{}, fmt.Errorf("reading a numeric: %s with %d groups of digits, want none", s, count)
	}
	return Numeric{Special: s}, nil
}

// check takes off the leading groups that are zero, and makes sure that the
// scale hides no digits.
func (n *Numeric) check() error {
	for i := range n.Groups() {
		if group := n.Group(i); group < 0 || group >= groupLimit {
			return fmt.Errorf("reading a numeric: a group of %d, want 0 to %d", group, groupLimit-1)
		}
	}
	for len(n.groups) > 0 && n.Group(0) == 0 {
		n.groups = n.groups[2:]
		n.Weight--
	}
	if len(n.groups) == 0 {
		n.Weight, n.Negative = 0, false
	}
	for i := n.Groups() - 1; i >= 0 && groupDigits*(i-n.Weight) > n.Scale; i-- {
		if hidden := groupDigits*(i-n.Weight) - n.Scale; n.Group(i)%powerOfTen(hidden) != 0 {
			return fmt.Errorf("reading a numeric: digits behind its scale of %d", n.Scale)
		}
	}
	return nil
}

// powerOfTen is no larger than what takes all digits of a group.
func powerOfTen(n int) int {
	return [...]int{1, 10, 100, 1000, groupLimit}[min(n, groupDigits)]
}

// AppendNumeric appends a numeric with all its digits and those zeros at its
// end that its scale asks for. NaN, Infinity and -Infinity are those words.
func AppendNumeric(dst, raw []byte) ([]byte, error) {
	if printed, is := appendCommon(dst, raw); is {
		return printed, nil
	}
	n, err := ReadNumeric(raw)
	switch {
	case err != nil:
		return dst, err
	case n.Special != 0:
		return append(dst, n.Special.String()...), nil
	case n.Negative:
		dst = append(dst, '-')
	}
	dst = n.appendWhole(dst)
	if n.Scale == 0 {
		return dst, nil
	}
	return n.appendFraction(append(dst, '.')), nil
}

// appendCommon appends a numeric such as nearly all are: no more than 16 digits
// before the point and 32 behind it. It takes nothing else, and nothing that is
// to be refused.
func appendCommon(dst, raw []byte) (_ []byte, is bool) {
	const mostWhole, mostFraction = 4, 8 // groups
	if len(raw) < 8 {
		return dst, false
	}
	// The count of groups, the weight of the first, the sign and the scale.
	head, groups := binary.BigEndian.Uint64(raw), raw[8:]
	count, weight, sign, scale := int(head>>48), int(int16(head>>32)), uint16(head>>16), int(uint16(head)) //nolint:gosec // these are their bits
	behind := (scale + groupDigits - 1) / groupDigits
	if 2*count != len(groups) || weight < -1 || weight >= mostWhole || sign&^0x4000 != 0 || behind > mostFraction || count > weight+1+behind ||
		count > 0 && groups[0]|groups[1] == 0 || count == 0 && sign != 0 {
		return dst, false
	}
	if sign != 0 {
		dst = append(dst, '-')
	}
	var whole uint64
	for ; weight >= 0; weight-- {
		var group uint16
		if group, groups = nextGroup(groups); group >= groupLimit {
			return dst, false
		}
		whole = groupLimit*whole + uint64(group)
	}
	if dst = appendUint(dst, whole); scale == 0 {
		return dst, true
	}
	dst, to := room(dst, 1+groupDigits*behind)
	to[0] = '.'
	group := uint16(0)
	for to = to[1:]; len(to) >= groupDigits; to = to[groupDigits:] {
		if group, groups = nextGroup(groups); group >= groupLimit {
			return dst, false
		}
		putFour(to, uint32(group))
	}
	hidden := groupDigits*behind - scale
	return dst[:len(dst)-hidden], int(group)%powerOfTen(hidden) == 0
}

// nextGroup returns the first group and those behind it; 0 where there is none.
func nextGroup(groups []byte) (group uint16, rest []byte) {
	if len(groups) < 2 {
		return 0, nil
	}
	return binary.BigEndian.Uint16(groups), groups[2:]
}

func (n *Numeric) appendWhole(dst []byte) []byte {
	if n.Weight < 0 || len(n.groups) == 0 {
		return append(dst, '0')
	}
	dst = appendUint(dst, uint64(n.Group(0))) //nolint:gosec // check made sure that it is a group
	for i := 1; i <= n.Weight; i++ {
		dst = appendGroup(dst, n.Group(i))
	}
	return dst
}

// appendFraction cuts the last group where the scale ends within it; check made
// sure that zeros are cut.
func (n *Numeric) appendFraction(dst []byte) []byte {
	left := n.Scale
	for i := n.Weight + 1; left > 0; i++ {
		dst = appendGroup(dst, n.Group(i))
		left -= groupDigits
	}
	return dst[:len(dst)+left] // left is 0 to -3 by now
}

func appendGroup(dst []byte, group int) []byte {
	dst, to := room(dst, groupDigits)
	putFour(to, uint32(group)) //nolint:gosec // check made sure that it is a group
	return dst
}

package referee

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Moment tells which transactions had ended.
type Moment struct {
	// Below Xmin all had, from Xmax on none; in between all but Open.
	Xmin, Xmax uint64
	Open       []uint64
}

// Latest is after everything.
var Latest = Moment{Xmin: 1<<64 - 1, Xmax: 1<<64 - 1}

// ParseMoment reads what pg_current_snapshot() prints: xmin:xmax:xip,xip.
func ParseMoment(s string) (Moment, error) {
	fields := strings.Split(s, ":")
	if len(fields) != 3 {
		return Moment{}, fmt.Errorf("moment %q: want xmin:xmax:open", s)
	}
	var m Moment
	numbers := []*uint64{&m.Xmin, &m.Xmax}
	for i, number := range numbers {
		n, err := strconv.ParseUint(fields[i], 10, 64)
		if err != nil {
			return Moment{}, fmt.Errorf("moment %q: %w", s, err)
		}
		*number = n
	}
	if fields[2] == "" {
		return m, nil
	}
	for open := range strings.SplitSeq(fields[2], ",") {
		n, err := strconv.ParseUint(open, 10, 64)
		if err != nil {
			return Moment{}, fmt.Errorf("moment %q: %w", s, err)
		}
		m.Open = append(m.Open, n)
	}
	return m, nil
}

// Sees tells whether what transaction xid did counts, if it was committed.
func (m Moment) Sees(xid uint64) bool {
	return xid < m.Xmin || xid < m.Xmax && !slices.Contains(m.Open, xid)
}

// Between tells whether a moment may lie after a and before b.
func (m Moment) Between(a, b Moment) bool {
	return a.Xmin <= m.Xmin && a.Xmax <= m.Xmax && m.Xmin <= b.Xmin && m.Xmax <= b.Xmax
}

// String is as ParseMoment reads it.
func (m Moment) String() string {
	open := make([]string, len(m.Open))
	for i, xid := range m.Open {
		open[i] = strconv.FormatUint(xid, 10)
	}
	return fmt.Sprintf("%d:%d:%s", m.Xmin, m.Xmax, strings.Join(open, ","))
}

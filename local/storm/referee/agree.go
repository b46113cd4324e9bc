package referee

import "strconv"

// Agree finds tables of one run that are not of one moment although their
// receipts say so. Tables that were read by several invocations have a moment
// each.
func Agree(list []Published) []Finding {
	first := map[string]Published{}
	var findings []Finding
	for _, p := range list {
		if p.Ranges || !p.Sole {
			continue
		}
		other, known := first[p.Run]
		if !known {
			first[p.Run] = p
			continue
		}
		if p.Moment.String() != other.Moment.String() {
			findings = append(findings, p.finding(Mixed, "its moment is %s, that of %s in the same run is %s", p.Moment, other.Name, other.Moment)...)
		}
	}
	return findings
}

// Sum finds moments at which a column of all tables together does not add up to
// total, as it did in the truth. It looks at moments at which all of names were
// published, whole, in one run; checked is how many there were. A writer whose tables
// are exchanged between its statements writes to some of each, and nothing adds up
// any more: such moments are left out.
func (l *Log) Sum(list []Published, names []string, column string, total int64) (findings []Finding, checked int) {
	type moment struct{ run, at string }
	runs := map[moment]map[string]Published{}
	for _, p := range list {
		if p.Ranges || p.Window != nil || p.Keep != nil || p.Chooses != nil && !p.Chooses(column) {
			continue
		}
		key := moment{p.Run, p.Moment.String()}
		if runs[key] == nil {
			runs[key] = map[string]Published{}
		}
		runs[key][p.Name] = p
	}
	for _, tables := range runs {
		var sum int64
		var some Published
		complete := true
		for _, name := range names {
			p, there := tables[name]
			complete = complete && there
			some = p
			sum += add(p.Rows, column)
		}
		if !complete || l.total(names, column, some.Moment) != total {
			continue
		}
		checked++
		if sum != total {
			findings = append(findings, some.finding(Mixed, "%s of %v adds up to %d, and was %d at that moment", column, names, sum, total)...)
		}
	}
	return findings, checked
}

func (l *Log) total(names []string, column string, m Moment) (sum int64) {
	for _, name := range names {
		content, _ := l.At(name, m, true)
		sum += add(content.Rows, column)
	}
	return sum
}

func add(rows []Doc, column string) (sum int64) {
	for _, d := range rows {
		n, _ := strconv.ParseInt(d[column], 10, 64) // a row without one adds nothing
		sum += n
	}
	return sum
}

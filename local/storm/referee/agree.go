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
// total, as it did at every moment. It looks at moments at which all of names
// were published, whole, in one run; checked is how many there were.
func Sum(list []Published, names []string, column string, total int64) (findings []Finding, checked int) {
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
			for _, d := range p.Rows {
				n, _ := strconv.ParseInt(d[column], 10, 64)
				sum += n
			}
		}
		if !complete {
			continue
		}
		checked++
		if sum != total {
			findings = append(findings, some.finding(Mixed, "%s of %v adds up to %d, and was %d at every moment", column, names, sum, total)...)
		}
	}
	return findings, checked
}

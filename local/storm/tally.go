package storm

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/stagelift/stagelift/local/storm/referee"
)

// Tally is what a storm adds up to.
type Tally struct {
	// Rounds were played, in Publishing of them something was published.
	Rounds, Publishing int
	// Runs are invocations of extract; Published the receipts, of which Ranges own
	// up to several moments and Windows are incremental; Rows what was read back
	// and compared; Sums the moments at which accounts were added up.
	Runs, Published, Ranges, Windows, Rows, Sums int
	// Made counts what writers did and which changes of schemas were made, Unmade
	// what the database refused.
	Made, Unmade map[string]int
	// Refused counts tables that were asked for and not published, by reason.
	Refused map[string]int
	// Differing counts rows, Bad the rounds that have any, by kind.
	Differing map[referee.Kind]int
	Bad       map[referee.Kind][]int
	Took      time.Duration
}

// Failed tells whether anything was lost, doubled, mixed or wrong.
func (t Tally) Failed() bool { return len(t.Differing) > 0 }

func (t *Tally) add(round int, p *played, v verdict) {
	t.Rounds++
	t.Runs += len(p.answers)
	t.Published += v.published
	t.Ranges += v.ranges
	t.Windows += v.windows
	t.Rows += v.rows
	t.Sums += v.sums
	merge(t.Made, p.made)
	merge(t.Unmade, p.refused)
	if v.published > 0 {
		t.Publishing++
	}
	merge(t.Refused, v.refused)
	for _, f := range v.findings {
		t.Differing[f.Kind] += f.Rows
		if !slices.Contains(t.Bad[f.Kind], round) {
			t.Bad[f.Kind] = append(t.Bad[f.Kind], round)
		}
	}
}

var order = []referee.Kind{referee.Lost, referee.Doubled, referee.Mixed, referee.Wrong}

// Line is the tally so far.
func (t Tally) Line() string {
	return fmt.Sprintf("%5d rounds  %5d runs  %5d tables  %8d rows  %5d refused   lost %d  doubled %d  mixed %d  wrong %d  %.2f s a round",
		t.Rounds, t.Runs, t.Published, t.Rows, sum(t.Refused),
		t.Differing[referee.Lost], t.Differing[referee.Doubled], t.Differing[referee.Mixed], t.Differing[referee.Wrong],
		t.Took.Seconds()/float64(max(1, t.Rounds)))
}

func merge(all, some map[string]int) {
	for key, n := range some {
		all[key] += n
	}
}

func sum(counts map[string]int) int {
	n := 0
	for _, count := range counts {
		n += count
	}
	return n
}

// deeds lists what was done, and refused, as "swap 12 (3 refused)".
func (t Tally) deeds() string {
	var list []string
	for _, what := range slices.Sorted(maps.Keys(join(t.Made, t.Unmade))) {
		entry := fmt.Sprintf("%s %d", what, t.Made[what])
		if n := t.Unmade[what]; n > 0 {
			entry += fmt.Sprintf(" (%d refused)", n)
		}
		list = append(list, entry)
	}
	return strings.Join(list, ", ")
}

func join(a, b map[string]int) map[string]int {
	all := maps.Clone(a)
	merge(all, b)
	return all
}

// mostReasons is how many reasons are told.
const mostReasons = 25

// Print writes the table at the end.
func (t Tally) Print(w io.Writer) {
	for _, line := range []struct {
		name  string
		count int
	}{
		{"rounds", t.Rounds},
		{"rounds that published", t.Publishing},
		{"runs", t.Runs},
		{"tables published", t.Published},
		{"  in windows", t.Windows},
		{"  of several moments", t.Ranges},
		{"rows compared", t.Rows},
		{"sums of accounts compared", t.Sums},
		{"acts of writers and changes", sum(t.Made)},
		{"tables refused", sum(t.Refused)},
	} {
		_, _ = fmt.Fprintf(w, "%-28s %9d\n", line.name, line.count)
	}
	reasons := slices.SortedFunc(maps.Keys(t.Refused), func(a, b string) int {
		return cmp.Or(cmp.Compare(t.Refused[b], t.Refused[a]), cmp.Compare(a, b))
	})
	for _, reason := range reasons[:min(len(reasons), mostReasons)] {
		_, _ = fmt.Fprintf(w, "  %7d  %s\n", t.Refused[reason], reason)
	}
	if more := len(reasons) - mostReasons; more > 0 {
		_, _ = fmt.Fprintf(w, "           and %d reasons more\n", more)
	}
	_, _ = fmt.Fprintf(w, "done to the source: %s\n", t.deeds())
	for _, kind := range order {
		_, _ = fmt.Fprintf(w, "%-28s %9d", "rows "+string(kind), t.Differing[kind])
		if bad := t.Bad[kind]; len(bad) > 0 {
			slices.Sort(bad)
			_, _ = fmt.Fprintf(w, "  in rounds %s", strings.Trim(fmt.Sprint(bad), "[]"))
		}
		_, _ = fmt.Fprintln(w)
	}
}

var particulars = []struct {
	*regexp.Regexp
	with string
}{
	{regexp.MustCompile(`(?s)^.*published \(.*?\): `), ""},
	{regexp.MustCompile(`(?s)^.*(FATAL: terminating connection).*$`), "$1"},
	{regexp.MustCompile(`(?s)^.*(relation|column) \S+ does not exist.*$`), "$1 does not exist"},
	{regexp.MustCompile(`[0-9A-F]{8}-[0-9A-F]{8}-\d+`), "N"},
	{regexp.MustCompile(`"?storm\d+[a-z_0-9]*"?(\."?[a-z_0-9]+"?)*`), "T"},
	{runShape, "R"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[T ][0-9:.]+(Z|[+-]\d\d)?`), "D"},
	{regexp.MustCompile(`s3://\S+`), "S3"},
	{regexp.MustCompile(`[0-9a-f-]{8,}`), "N"},
	{regexp.MustCompile(`\d+`), "N"},
	{regexp.MustCompile(`\s+`), " "},
}

// general is a reason without what it is about, so that reasons can be counted.
func general(reason string) string {
	for _, p := range particulars {
		reason = p.ReplaceAllString(reason, p.with)
	}
	return strings.TrimSpace(reason[:min(len(reason), 110)])
}

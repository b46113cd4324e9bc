package storm

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stagelift/stagelift/local/storm/referee"
	"github.com/stagelift/stagelift/local/storm/staged"
	"github.com/stagelift/stagelift/local/storm/truth"
)

// verdict is what the referee says of a round.
type verdict struct {
	findings []referee.Finding
	// published are the receipts, of which ranges are of several moments and windows
	// incremental, rows what they have, sums the moments at which the accounts were
	// added up.
	published, ranges, windows, rows, sums int
	// refused counts, by reason, tables that a run was asked for and did not
	// publish.
	refused map[string]int
}

// judge holds what lies in the bucket against the truth. The error is the
// storm's own.
func (l *lane) judge(ctx context.Context, s script, p *played) (verdict, error) {
	log, err := truth.Read(ctx, l.admin)
	if err != nil {
		return verdict{}, err
	}
	if err := truth.Check(ctx, l.admin, log); err != nil {
		return verdict{}, err
	}
	keys, err := l.keys(ctx)
	if err != nil {
		return verdict{}, err
	}
	v := verdict{refused: map[string]int{}}
	runs(p.answers, p.log)
	var list []referee.Published
	for _, key := range keys {
		if !strings.HasSuffix(key, "/receipt.json") {
			continue
		}
		published, findings, err := staged.Read(ctx, l, key)
		if err != nil {
			return v, err
		}
		s.explain(&published, p.answers)
		v.findings = append(v.findings, findings...)
		list = append(list, published)
		v.count(published)
	}
	v.hold(log, s, p.answers, list)
	docs, err := l.summaries(ctx, keys)
	if err != nil {
		return v, err
	}
	for _, a := range p.answers {
		v.account(s, a, list, docs[a.run])
	}
	return v, nil
}

func (v *verdict) count(p referee.Published) {
	v.published++
	v.rows += len(p.Rows)
	if p.Ranges {
		v.ranges++
	}
	if p.Window != nil {
		v.windows++
	}
}

// explain says of a receipt what was asked for. Of a run that was killed nobody
// knows when it was asked for.
func (s script) explain(p *referee.Published, answers []answer) {
	p.Sole, p.Before = true, referee.Latest
	known := false
	for _, a := range answers {
		if a.run != p.Run {
			continue
		}
		if !known {
			p.After, known = a.After, true
		}
		p.Before = a.Before
		p.Sole = p.Sole && a.reply.Continuation == "" && !strings.Contains(a.Request, `"continuation"`)
		p.Restart = p.Restart || strings.Contains(a.Request, `"restart":["`+p.Name+`"]`)
	}
	name := strings.TrimPrefix(p.Name, s.Schema+".")
	if i := slices.IndexFunc(s.Tables, func(t table) bool { return t.Name == name }); i >= 0 {
		t := s.Tables[i]
		p.Keep, p.Chooses = t.Treatment.keep(), t.Treatment.chooses()
	}
}

// mayDescend tells whether what inherits from a table may be read with it: the
// newer contract reads a table alone where that was asked for.
func mayDescend(p referee.Published, answers []answer) bool {
	return !slices.ContainsFunc(answers, func(a answer) bool {
		return a.run == p.Run && (!a.modern || strings.Contains(a.Request, `"inherited":"only"`))
	})
}

// hold holds the receipts against the log.
func (v *verdict) hold(log *referee.Log, s script, answers []answer, list []referee.Published) {
	windows := map[string][]referee.Published{}
	for _, p := range list {
		findings := log.Judge(p)
		family := p
		family.Descends = true
		if len(findings) > 0 && mayDescend(p, answers) && len(log.Judge(family)) == 0 {
			p, findings = family, nil
		}
		v.findings = append(v.findings, findings...)
		if p.Window != nil {
			windows[p.Name] = append(windows[p.Name], p)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(windows)) {
		v.findings = append(v.findings, log.JudgeSeries(windows[name], refusedLast(name, s.Schema, answers))...)
	}
	v.findings = append(v.findings, referee.Agree(list)...)
	var accounts []string
	var total int64
	for _, t := range s.Tables {
		if t.Account {
			accounts = append(accounts, t.qualified(s.Schema))
			total += int64(100 * t.Rows)
		}
	}
	if len(accounts) > 0 {
		findings, checked := log.Sum(list, accounts, "amount", total)
		v.findings = append(v.findings, findings...)
		v.sums = checked
	}
}

// refusedLast tells whether the last run that was asked for a table refused it by
// name.
func refusedLast(name, schema string, answers []answer) bool {
	for _, a := range slices.Backward(answers) {
		if a.call.asks(name, schema) {
			return strings.Contains(a.Failure, name+" failed: ")
		}
	}
	return false
}

// summaries are what runs wrote of themselves, by run.
func (l *lane) summaries(ctx context.Context, keys []string) (map[string]string, error) {
	docs := map[string]string{}
	for _, key := range keys {
		if !strings.Contains(key, "/_runs/") {
			continue
		}
		data, err := l.Get(ctx, key)
		if err != nil {
			return nil, err
		}
		docs[runShape.FindString(key)] += string(data)
	}
	return docs, nil
}

// account looks at each table that was asked for: it is published, or something
// says why not.
func (v *verdict) account(s script, a answer, list []referee.Published, summary string) {
	of := func(name string) bool {
		return slices.ContainsFunc(list, func(p referee.Published) bool { return p.Run == a.run && p.Name == name })
	}
	for _, t := range a.reply.Tables {
		if t.Receipt != "" && !of(t.Table) {
			v.findings = append(v.findings, referee.Finding{
				Kind: referee.Wrong, Table: t.Table, Run: a.run, Rows: 1, What: "the answer says that it is published, and it is not",
			})
		}
	}
	for _, t := range s.Tables {
		name := t.qualified(s.Schema)
		named := slices.Contains(a.call.Tables, name)
		if !a.call.asks(name, s.Schema) || !t.writable() && !named || of(name) {
			continue
		}
		reason, said := a.reason(name, summary)
		if !said && !named && len(s.Changes) > 0 {
			reason, said = "was away when a pattern looked for it", true
		}
		if !said {
			v.findings = append(v.findings, referee.Finding{
				Kind: referee.Wrong, Table: name, Run: a.run, Rows: 1, What: "it was asked for and is not published, and nothing says so",
			})
		}
		v.refused[reason]++
	}
}

// reason says why a table is not published; false when nothing does.
func (a answer) reason(name, summary string) (string, bool) {
	for _, t := range a.reply.Tables {
		if t.Table == name && t.Outcome != "" && t.Outcome != "published" {
			return general(t.Outcome + ": " + t.Code + " " + t.Reason), true
		}
	}
	for _, t := range a.reply.Skipped {
		if t.Table == name {
			return general("skipped: " + t.Reason), true
		}
	}
	if a.Failure != "" {
		return general(a.Failure), true
	}
	if quoted := `"` + name + `"`; strings.Contains(a.Payload, quoted) || strings.Contains(summary, quoted) {
		return "remains", true
	}
	return fmt.Sprintf("%.60s", a.Payload), false
}

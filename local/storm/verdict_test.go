package storm

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/storm/referee"
)

const (
	own     = "20260101T000000Z-00000001"
	another = "20260101T000000Z-00000002"
)

// made is an answer to a call for both tables of madeUp.
func made(t *testing.T, payload string) answer {
	t.Helper()
	a := answer{call: call{Tables: []string{"storm1.a", "storm1.b"}}, Payload: payload, run: own}
	if err := json.Unmarshal([]byte(payload), &a.reply); err != nil {
		t.Fatal(err)
	}
	return a
}

var (
	madeUp    = script{Schema: "storm1", Tables: []table{{Name: "a", Shape: plain}, {Name: "b", Shape: plain}}}
	published = []referee.Published{{Name: "storm1.a", Run: own}, {Name: "storm1.b", Run: another}}
)

func TestTableThatIsNotPublishedMustBeSpokenOf(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		payload, failure, summary string
		refused                   map[string]int
		wrong                     int
	}{
		"silence":                 {`{"tables":[{"table":"storm1.a"}]}`, "", "", map[string]int{`{"tables":[{"table":"storm1.a"}]}`: 1}, 1},
		"silence about its like":  {`{"tables":[{"table":"storm1.bb"}]}`, "", "", map[string]int{`{"tables":[{"table":"storm1.bb"}]}`: 1}, 1},
		"a new answer":            {`{"tables":[{"table":"storm1.b","outcome":"failed","code":"Gone","reason":"storm1.b is gone"}]}`, "", "", map[string]int{"failed: Gone T is gone": 1}, 0},
		"an old answer":           {`{"skipped":[{"table":"storm1.b","reason":"nothing is new"}]}`, "", "", map[string]int{"skipped: nothing is new": 1}, 0},
		"what remains":            {`{"remaining":["storm1.b"]}`, "", "", map[string]int{"remains": 1}, 0},
		"an error":                {`{}`, "error: no", "", map[string]int{"error: no": 1}, 0},
		"what the run wrote":      {`{}`, "", `{"remaining":["storm1.b"]}`, map[string]int{"remains": 1}, 0},
		"a receipt that is not":   {`{"tables":[{"table":"storm1.b","receipt":"key"}]}`, "", "", map[string]int{"remains": 1}, 1},
		"a receipt of some other": {`{"tables":[{"table":"storm1.c","receipt":"key"}],"remaining":["storm1.b"]}`, "", "", map[string]int{"remains": 1}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := verdict{refused: map[string]int{}}
			a := made(t, c.payload)
			a.Failure = c.failure
			v.account(madeUp, a, published, c.summary)
			if diff := cmp.Diff(c.refused, v.refused); diff != "" {
				t.Errorf("refused (-want +got):\n%s", diff)
			}
			if len(v.findings) != c.wrong {
				t.Errorf("found %v, want %d", v.findings, c.wrong)
			}
		})
	}
}

// A pattern finds what is there when it looks.
func TestTableMayBeAwayFromAPattern(t *testing.T) {
	t.Parallel()
	a := made(t, `{"tables":[{"table":"storm1.a"}]}`)
	a.call.Tables = []string{"storm1.*"}
	for _, changes := range [][]change{nil, {{Kind: "rename"}}} {
		s := madeUp
		s.Changes = changes
		v := verdict{refused: map[string]int{}}
		v.account(s, a, published, "")
		if got, want := len(v.findings), 1-len(changes); got != want {
			t.Errorf("after %v: found %v, want %d", changes, v.findings, want)
		}
	}
}

// A run is known by what its invocation logged, also when it was killed, and not
// by what an error says of other runs.
func TestRunIsKnownByItsLog(t *testing.T) {
	t.Parallel()
	answers := []answer{
		{requestID: "1", Failure: "run " + another + " published this table"}, {requestID: "2", reply: reply{Run: another}}, {requestID: "3"},
	}
	runs(answers, `START RequestId: 1
{"message":"table selected","run":"`+own+`","table":"storm1.a","requestId":"1"}
{"message":"lost","run":"`+another+`","requestId":"1"}
{"message":"table selected","run":"`+own+`","requestId":"2"}
`)
	for i, want := range []string{own, another, ""} {
		if answers[i].run != want {
			t.Errorf("invocation %d is run %q, want %q", i+1, answers[i].run, want)
		}
	}
}

// What a run was asked for bounds its moment; of one that nobody knows, any
// moment will do.
func TestMomentIsBoundByTheRunsInvocations(t *testing.T) {
	t.Parallel()
	answers := []answer{
		{run: another, After: referee.Moment{Xmin: 1, Xmax: 1}, Before: referee.Moment{Xmin: 2, Xmax: 2}},
		{run: own, After: referee.Moment{Xmin: 3, Xmax: 3}, Before: referee.Moment{Xmin: 4, Xmax: 4}, reply: reply{Continuation: own + ".1"}},
		{run: own, After: referee.Moment{Xmin: 5, Xmax: 5}, Before: referee.Moment{Xmin: 6, Xmax: 6}},
	}
	p := referee.Published{Name: "storm1.a", Run: own}
	madeUp.explain(&p, answers)
	if p.After.Xmax != 3 || p.Before.Xmax != 6 || p.Sole {
		t.Errorf("the run may be of %s to %s, alone %v", p.After, p.Before, p.Sole)
	}
	p.Run = "unknown"
	madeUp.explain(&p, answers)
	if p.Before.Xmax != referee.Latest.Xmax || !p.Sole {
		t.Errorf("an unknown run may be of %s to %s, alone %v", p.After, p.Before, p.Sole)
	}
}

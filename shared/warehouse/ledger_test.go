package warehouse

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
)

const (
	monday  stage.RunID = "20261123T000000Z-00000001"
	tuesday stage.RunID = "20261124T000000Z-00000002"
)

func load(mode Mode, run stage.RunID, window ...string) Load {
	orders := table.Name{Schema: "public", Table: "orders"}
	l := Load{ID: "this", Run: run, Source: orders, Target: orders, Mode: mode}
	if len(window) == 2 {
		l.Window = &stage.Window{Column: "id", Type: "bigint", From: window[0], To: window[1]}
	}
	return l
}

func entry(sequence int64, mode Mode, run stage.RunID, window ...string) Entry {
	e := Entry{Sequence: sequence, Load: "another", Source: "public.orders", Run: run, Mode: mode, Rows: 7}
	if len(window) == 2 {
		e.From, e.To = window[0], window[1]
	}
	return e
}

func TestJudge(t *testing.T) {
	t.Parallel()
	this := entry(3, Append, monday)
	this.Load = "this"
	foreign := entry(1, Append, monday)
	foreign.Source = "public.invoices"
	for name, c := range map[string]struct {
		load   Load
		ledger []Entry
		want   Verdict
		err    error
		says   string
	}{
		"an empty ledger":                    {load: load(Replace, monday)},
		"itself":                             {load(Append, monday), []Entry{entry(4, Append, tuesday), this}, Verdict{State: AlreadyLoaded, Rows: 7}, nil, ""},
		"itself beside another source":       {load(Append, monday), []Entry{foreign, this}, Verdict{State: AlreadyLoaded, Rows: 7}, nil, ""},
		"another source":                     {load(Append, monday), []Entry{foreign}, Verdict{}, ErrOtherSource, "public.invoices"},
		"what is appended needs no order":    {load: load(Append, monday), ledger: []Entry{entry(1, Append, tuesday), entry(2, Append, tuesday)}},
		"appended late, and merged whole":    {load(Append, monday), []Entry{entry(1, Append, tuesday), entry(2, Merge, tuesday)}, Verdict{State: Skipped}, nil, "has brought all of it"},
		"appended late, and replaced since":  {load(Append, monday), []Entry{entry(1, Replace, tuesday)}, Verdict{State: Skipped}, nil, "has brought all of it"},
		"a window late, and begun anew":      {load(Append, monday, "9", "10"), []Entry{entry(1, Replace, tuesday, "", "5"), entry(2, Append, tuesday, "5", "6")}, Verdict{State: Skipped}, nil, "has begun the table anew"},
		"a window after one that began anew": {load: load(Append, tuesday, "5", "6"), ledger: []Entry{entry(1, Append, monday, "", "10"), entry(2, Replace, monday, "", "5")}},
		"one that begins anew":               {load: load(Replace, tuesday, "", "5"), ledger: []Entry{entry(1, Append, monday, "", "10")}},
		"a replacement that is newer":        {load: load(Replace, tuesday), ledger: []Entry{entry(1, Replace, monday)}},
		"a replacement that is older":        {load(Replace, monday), []Entry{entry(1, Append, tuesday)}, Verdict{}, ErrLate, "run " + string(tuesday)},
		"a whole table merged late":          {load(Merge, monday), []Entry{entry(1, Merge, tuesday)}, Verdict{State: Skipped}, nil, "newer"},
		"the first window":                   {load: load(Merge, monday, "", "5")},
		"the next window":                    {load: load(Merge, tuesday, "9", "10"), ledger: []Entry{entry(1, Merge, monday, "", "9")}},
		"the next window, nothing in it":     {load: load(Merge, tuesday, "9", "9"), ledger: []Entry{entry(1, Merge, monday, "", "9")}},
		"the next after a replacement":       {load: load(Merge, tuesday, "9", "10"), ledger: []Entry{entry(1, Merge, monday, "", "9"), entry(2, Replace, monday)}},
		"a window ahead":                     {load(Merge, tuesday, "10", "11"), []Entry{entry(1, Merge, monday, "", "9")}, Verdict{}, ErrHeld, `begins at "10", and the last one that was loaded ends at "9"`},
		"a window ahead of nothing":          {load(Merge, tuesday, "10", "11"), nil, Verdict{}, ErrHeld, "ends at nothing"},
		"a window behind":                    {load(Merge, monday, "", "9"), []Entry{entry(1, Merge, tuesday, "", "10")}, Verdict{State: Skipped}, nil, `all up to "10"`},
		"begun anew":                         {load: load(Merge, tuesday, "", "11"), ledger: []Entry{entry(1, Merge, monday, "", "10")}},
		"a window older than a replacement":  {load(Merge, monday, "9", "10"), []Entry{entry(1, Merge, monday, "", "9"), entry(2, Replace, tuesday)}, Verdict{State: Skipped, Enter: true}, nil, "run " + string(tuesday) + ", which is newer, has brought the whole table"},
		"a window older than a whole merge":  {load(Merge, monday, "", "10"), []Entry{entry(1, Merge, tuesday)}, Verdict{State: Skipped, Enter: true}, nil, string(tuesday)},
		"a window older than rows appended":  {load(Merge, monday, "", "10"), []Entry{entry(1, Append, tuesday)}, Verdict{}, ErrLate, string(tuesday)},
		"a window ahead, of an older run":    {load(Merge, monday, "9", "10"), []Entry{entry(1, Replace, tuesday)}, Verdict{}, ErrHeld, "ends at nothing"},
		"the last window by order of commit": {load: load(Merge, tuesday, "9", "11"), ledger: []Entry{entry(2, Merge, monday, "5", "9"), entry(1, Merge, tuesday, "", "5")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Judge(c.load, c.ledger)
			if !errors.Is(err, c.err) || err == nil != (c.err == nil) {
				t.Errorf("error is %v, want %v", err, c.err)
			}
			text := got.Reason
			if err != nil {
				text = err.Error()
			}
			if !strings.Contains(text, c.says) {
				t.Errorf("it says %q, want %q in it", text, c.says)
			}
			got.Reason, got.Warning = "", ""
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzJudge: what a ledger says of a load does not depend on the order of its
// rows, and once the load is entered it is done.
func FuzzJudge(f *testing.F) {
	f.Add(uint8(2), uint8(3), "5", "9", []byte{0x01, 0x12, 0x23})
	f.Add(uint8(1), uint8(0), "", "", []byte{0x31, 0x42, 0x05, 0x16})
	modes := []Mode{Append, Replace, Merge}
	run := func(n uint8) stage.RunID { return monday[:len(monday)-1] + stage.RunID('0'+n%8) }
	f.Fuzz(func(t *testing.T, mode, day uint8, from, to string, rows []byte) {
		l := load(modes[mode%3], run(day))
		if to != "" {
			l.Window = &stage.Window{Column: "id", Type: "bigint", From: from, To: to}
		}
		var ledger []Entry
		for i, b := range rows {
			e := entry(int64(i+1), modes[b%3], run(b>>2))
			if b&0x40 != 0 {
				e.To = string('0' + rune(b%8))
			}
			ledger = append(ledger, e)
		}
		verdict, err := Judge(l, ledger)
		slices.Reverse(ledger)
		if again, againErr := Judge(l, ledger); (again.State != verdict.State) || again.Enter != verdict.Enter || (againErr == nil) != (err == nil) {
			t.Errorf("%+v, %v; the other way round %+v, %v", verdict, err, again, againErr)
		}
		if verdict.Enter && (verdict.State != Skipped || l.Mode == Replace || l.Window == nil) {
			t.Errorf("%+v of a load in mode %s", verdict, l.Mode)
		}
		done := entry(int64(len(rows)+1), l.Mode, l.Run)
		done.Load = l.ID
		if verdict, err := Judge(l, append(ledger, done)); err != nil || verdict.State != AlreadyLoaded {
			t.Errorf("entered: %+v, %v", verdict, err)
		}
	})
}

func TestPrecedes(t *testing.T) {
	t.Parallel()
	for kind, ordered := range map[string][]string{
		"bigint":        {"", "-10", "9", "10", "9223372036854775807"},
		"numeric(12,2)": {"-0.5", "0.25", "0.3", "12"},
		"date":          {"-infinity", "10000-01-01 BC", "0044-03-15 BC", "0044-03-16 BC", "0001-01-01", "2026-11-21", "9999-12-31", "10000-01-01", "infinity"},
		"timestamp(3) with time zone": {
			"2026-11-21 00:00:00+00", "2026-11-21 00:00:00.000001+00", "2026-11-21 00:00:00.5+00", "2026-11-21 00:00:01+00",
		},
	} {
		for i, a := range ordered {
			for j, b := range ordered {
				if got, err := precedes(kind, a, b); err != nil || got != (i < j) {
					t.Errorf("%s: %q before %q: %t, %v", kind, a, b, got, err)
				}
			}
		}
	}
	if _, err := precedes("uuid", "a", "b"); err == nil {
		t.Error("two values without an order were ordered")
	}
}

// FuzzPrecedes: an order has no two values before each other.
func FuzzPrecedes(f *testing.F) {
	f.Add("date", "0044-03-15 BC", "2026-11-21")
	f.Add("bigint", "9", "10")
	f.Fuzz(func(t *testing.T, kind, a, b string) {
		before, err := precedes(kind, a, b)
		after, other := precedes(kind, b, a)
		if (err == nil) != (other == nil) || before && after {
			t.Errorf("%s %q %q: %t, %v; the other way %t, %v", kind, a, b, before, err, after, other)
		}
	})
}

package model

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/stagelift/stagelift/shared/warehouse"
)

// Deliver hands one receipt to what loads, once. The state is that of its end; the
// error is a warehouse.HeldError for one that is held.
type Deliver func(r Receipt) (warehouse.State, error)

// Play delivers a world's receipts until each has ended, mending what is held, and
// checks the laws on what target then returns.
func (w *World) Play(deliver Deliver, target func() (Target, error)) error {
	p := &play{World: w, deliver: deliver, ended: map[string]warehouse.State{}, regretted: map[string]bool{}}
	for _, r := range w.Deliveries(w.Receipts) {
		if err := p.once(r); err != nil && !p.isHeld(err) {
			return err
		}
	}
	if err := p.settle(); err != nil {
		return err
	}
	got, err := target()
	if err != nil {
		return err
	}
	var landed, skipped []Receipt
	for _, r := range w.Receipts {
		switch p.ended[r.Load.ID] {
		case warehouse.Loaded:
			landed = append(landed, r)
		case warehouse.Skipped:
			skipped = append(skipped, r)
		}
	}
	return Broken(got, landed, skipped, w.source)
}

type play struct {
	*World
	deliver Deliver
	ended   map[string]warehouse.State
	// regretted are what was given up and read once more.
	regretted map[string]bool
}

func (p *play) isHeld(err error) bool {
	_, held := errors.AsType[*warehouse.HeldError](err)
	return held
}

func (p *play) once(r Receipt) error {
	state, err := p.deliver(r)
	if err != nil {
		return err
	}
	if _, known := p.ended[r.Load.ID]; !known && state != "" {
		p.ended[r.Load.ID] = state
	}
	return nil
}

// rounds bounds how often what is held is mended.
const rounds = 40

// settle delivers what has not ended, and does what the errors of those that are
// still held say, for one that is in nobody's way.
func (p *play) settle() error {
	for round := range rounds {
		var first *warehouse.HeldError
		var of Receipt
		progress := false
		for _, r := range slices.Clone(p.Receipts) {
			if _, done := p.ended[r.Load.ID]; done {
				continue
			}
			err := p.once(r)
			held, is := errors.AsType[*warehouse.HeldError](err)
			switch {
			case err != nil && !is:
				return err
			case err == nil:
				progress = true
			case first == nil || errors.Is(first, warehouse.ErrHeld) && !errors.Is(held, warehouse.ErrHeld):
				first, of = held, r
			}
		}
		if first == nil && !progress && !p.regret() {
			return nil
		}
		if first != nil && !progress {
			p.mend(first, of, round > rounds/4)
		}
	}
	return fmt.Errorf("after %d rounds not all has ended: %v", rounds, p.open())
}

// regret reads once more what was given up, sometimes.
func (p *play) regret() bool {
	if p.Choose(2) == 0 {
		return false
	}
	for _, r := range p.Receipts {
		if p.ended[r.Load.ID] == warehouse.Abandoned && r.Load.Repairs == "" && !p.regretted[r.Load.ID] {
			p.regretted[r.Load.ID] = true
			p.Receipts = append(p.Receipts, p.Repair(r))
			return true
		}
	}
	return false
}

func (p *play) open() (list []string) {
	for _, r := range p.Receipts {
		if _, done := p.ended[r.Load.ID]; !done {
			list = append(list, string(r.Load.Run))
		}
	}
	return list
}

// mend does one of what a person can do about a load that is held. One who is tired
// of it gives it up.
func (p *play) mend(held *warehouse.HeldError, of Receipt, tired bool) {
	switch {
	case errors.Is(held, warehouse.ErrHeld): // what is in the way was never published, or lies in a series that is over
		p.Receipts = append(p.Receipts, p.Restart())
	case !tired && errors.Is(held, warehouse.ErrLate) && p.Choose(3) > 0:
		p.Receipts = append(p.Receipts, p.Repair(of))
	case !tired && errors.Is(held, warehouse.ErrDoubles) && p.Choose(2) == 0:
		p.Receipts = append(p.Receipts, p.Restart())
	default:
		of.Load.Abandon = "a person's decision"
		p.replace(of)
	}
}

// replace has a receipt be delivered from now on with a person's decision.
func (p *play) replace(of Receipt) {
	for i := range p.Receipts {
		if p.Receipts[i].Load.ID == of.Load.ID {
			p.Receipts[i] = of
		}
	}
}

// Ledger is the warehouse of the model: it does what the verdicts say.
type Ledger struct {
	entries  []warehouse.Entry
	receipts map[string]Receipt
	target   Target
	// Seen counts what Judge said.
	Seen map[string]int
	// Relevant selects what a warehouse's query would; Judge must say the same by it.
	// Nil does not ask.
	Relevant func(load warehouse.Load, entries []warehouse.Entry) []warehouse.Entry
}

// Deliver loads a receipt, or fails before anything is changed.
func (l *Ledger) Deliver(r Receipt, fails bool) (warehouse.State, error) {
	r.Load.Find = func(context.Context, warehouse.Entry) (warehouse.Load, error) { return warehouse.Load{}, nil }
	verdict, err := warehouse.Judge(r.Load, l.entries)
	if l.Relevant != nil {
		other, otherErr := warehouse.Judge(r.Load, l.Relevant(r.Load, l.entries))
		if fmt.Sprint(verdict) != fmt.Sprint(other) || (err == nil) != (otherErr == nil) {
			return "", fmt.Errorf("by all entries %+v, %v; by those that are selected %+v, %v", verdict, err, other, otherErr) //nolint:errorlint // not to be taken for a held load
		}
	}
	l.see(verdict, err)
	if err != nil || fails {
		return "", err
	}
	if verdict.State != "" && !verdict.Enter {
		return verdict.State, nil
	}
	entry := warehouse.Enter(r.Load, verdict)
	entry.Sequence = int64(len(l.entries) + 1)
	l.entries = append(l.entries, entry)
	if verdict.Enter {
		return verdict.State, nil
	}
	var under []Receipt
	for _, e := range verdict.Under {
		under = append(under, l.receipts[e.Load])
	}
	if l.receipts == nil {
		l.receipts = map[string]Receipt{}
	}
	l.receipts[r.Load.ID] = r
	l.target = l.target.Apply(r, keysOf(under))
	return warehouse.Loaded, nil
}

func (l *Ledger) see(v warehouse.Verdict, err error) {
	if l.Seen == nil {
		l.Seen = map[string]int{}
	}
	for what, is := range map[string]bool{
		"held":      errors.Is(err, warehouse.ErrHeld),
		"doubles":   errors.Is(err, warehouse.ErrDoubles),
		"late":      errors.Is(err, warehouse.ErrLate),
		"under":     len(v.Under) > 0,
		"aside":     v.Aside,
		"entered":   v.Enter && v.State == warehouse.Skipped,
		"skipped":   v.State == warehouse.Skipped,
		"abandoned": v.State == warehouse.Abandoned,
		"again":     v.State == warehouse.AlreadyLoaded,
		"landed":    err == nil && v.State == "",
	} {
		if is {
			l.Seen[what]++
		}
	}
}

// Target is what the model's warehouse holds.
func (l *Ledger) Target() (Target, error) { return l.target, nil }

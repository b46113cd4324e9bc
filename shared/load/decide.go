package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// Abandon is a person's decision that the rows of a receipt are not to be loaded.
// The ledger and the history keep it; what was held behind the receipt goes on.
type Abandon struct {
	// Run is that of the receipt's key: it makes sure which one is meant.
	Run stage.RunID `json:"run"`
	// Reason is kept, and told in answers from then on.
	Reason string `json:"reason"`
}

// abandon has a load be entered into the ledger without its rows. Its parts need not
// be there any more.
func (p planned) abandon(a Abandon) (planned, error) {
	switch {
	case p.objects != nil:
		return p, fault.New(fault.Request, "remove the object", "abandoning %s: it has no receipt", p.from)
	case a.Run != p.Run:
		return p, fault.New(fault.Request, "", "abandoning %s: it is of run %s, and abandon names run %q", p.from, p.Run, a.Run)
	case a.Reason == "":
		return p, fault.New(fault.Request, "give one as abandon.reason", "abandoning %s: there is no reason", p.from)
	}
	p.Abandon = a.Reason
	p.verify = func(context.Context) error { return nil }
	return p, nil
}

// mend adds to the error of a load that is held which run is in the way, and what
// can be asked for.
func (j *Job) mend(ctx context.Context, p planned, err error) error {
	held, is := errors.AsType[*warehouse.HeldError](err)
	if !is || p.objects != nil {
		return err
	}
	switch {
	case errors.Is(held, warehouse.ErrDoubles):
		return fmt.Errorf("%w; to begin the table anew, ask extract for %s; or to leave these rows out, ask load for %s",
			err, inWords(map[string]any{"tables": []string{p.Source.String()}, "mode": "incremental", "restart": []string{p.Source.String()}}), j.abandonment(p))
	case errors.Is(held, warehouse.ErrLate):
		return fmt.Errorf("%w; to read what it has once more, ask extract for %s; or to leave its rows out, ask load for %s",
			err, repair(p), j.abandonment(p))
	}
	front, found, searchErr := j.inFront(ctx, p, held)
	switch {
	case searchErr != nil:
		j.Log.WarnContext(ctx, "what a load waits for was not found", "load_id", p.ID, "error", searchErr.Error())
		return err
	case !found:
		return fmt.Errorf("%w; no receipt begins there: if there is none to come, ask extract for %s, which begins the table anew",
			err, inWords(map[string]any{"tables": []string{p.Source.String()}, "mode": "incremental", "restart": []string{p.Source.String()}}))
	}
	how := "not delivered yet"
	if before, known := j.kept(ctx, front.keep); known {
		how = string(before.State)
	}
	return fmt.Errorf("%w; run %s is in the way (%s). If it can never be loaded, ask extract for %s, which reads the same once more, or load for %s, which leaves its rows out",
		err, front.Run, how, repair(front), j.abandonment(front))
}

// mostInFront bounds how many receipts are looked at for the one in the way.
const mostInFront = 50

// inFront finds the receipt whose window begins where the last one that is loaded
// ends.
func (j *Job) inFront(ctx context.Context, p planned, held *warehouse.HeldError) (front planned, found bool, err error) {
	folder, err := j.Layout.ParseReceipt(p.from.Key)
	if err != nil {
		return planned{}, false, err
	}
	var after string
	if held.After != "" {
		after = string(held.After[:len("20060102T150405Z")])
	}
	for range mostInFront {
		folder.Run, found, err = j.nextRun(ctx, folder, after)
		if err != nil || !found || folder.Run >= p.Run {
			return planned{}, false, err
		}
		after = string(folder.Run) + pastFolder
		front, err = j.planReceipt(ctx, object.Location{Bucket: j.Bucket, Key: j.Layout.Receipt(folder)})
		switch {
		case errors.Is(err, object.ErrNotFound):
		case err != nil:
			return planned{}, false, err
		case front.Window != nil && front.Window.From == held.From && front.Window.To != held.From && front.Target == p.Target && front.Run != held.After:
			return front, true, nil
		}
	}
	return planned{}, false, nil
}

// repair is the request that reads once more what a receipt is of.
func repair(p planned) string {
	return inWords(map[string]any{"tables": []string{p.Source.String()}, "repair": p.Run})
}

// abandonment is the request that gives a receipt up.
func (j *Job) abandonment(p planned) string {
	return inWords(map[string]any{"bucket": p.from.Bucket, "key": p.from.Key, "abandon": Abandon{Run: p.Run, Reason: "…"}})
}

func inWords(request map[string]any) string {
	text, _ := json.Marshal(request) // plain values, which all encode
	return string(text)
}

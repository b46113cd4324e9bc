package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/stagelift/stagelift/shared/metrics"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// reportTime is how long keeping and telling an outcome may take, also when the
// caller has gone.
const reportTime = 4 * time.Second

// report logs how a load ended, keeps it and tells it. What is running has not
// ended. That a failure could not be told is no reason to call a load failed
// that is in the warehouse; that it could not be kept is.
func (j *Job) report(ctx context.Context, p planned, loaded Loaded, outcome warehouse.Outcome) error {
	if loaded.State == warehouse.Running {
		j.write(ctx, loaded)
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reportTime)
	defer cancel()
	j.keepRejected(ctx, &loaded)
	j.write(ctx, loaded)
	j.measure(ctx, loaded)
	before, known := Loaded{}, false
	if loaded.State != warehouse.Loaded {
		before, known = j.kept(ctx, p.keep)
	}
	last := loaded // what is kept and told
	ended := known && (done(before.State) || before.State == warehouse.Skipped || before.State == warehouse.Abandoned)
	if loaded.State == warehouse.AlreadyLoaded && !ended {
		// The last that was told of it is that it failed or waits, or nothing: it was
		// loaded after all, by a delivery that could not tell.
		last.State = warehouse.Loaded
	}
	var err error
	if last.State == warehouse.Loaded || !ended { // what is kept of one that was done stays
		err = j.keepOutcome(ctx, p.keep, last)
	}
	if loaded.State != Held || p.since.IsZero() { // else it was said when it was first held
		j.remember(ctx, p, loaded, outcome)
	}
	if j.Notifier != nil && last.State != warehouse.AlreadyLoaded && last.State != Held {
		if err := j.Notifier.Notify(ctx, last); err != nil {
			j.Log.ErrorContext(ctx, "nobody was told how a load ended", slog.String("load_id", loaded.LoadID), slog.Any("error", err))
		}
	}
	return err
}

func (j *Job) write(ctx context.Context, l Loaded) {
	log := j.Log.With("load_id", l.LoadID, "warehouse", l.Warehouse, "source", l.Source, "target", l.Target, "mode", l.Mode,
		"rows", l.Rows, "updated", l.Updated, "deleted", l.Deleted, "refused", l.Refused, "seconds", l.Seconds)
	for _, c := range l.Changes {
		log.WarnContext(ctx, "schema changed", "change", c.Kind, "column", c.Column, "was", c.Was, "is", c.Is)
	}
	for _, w := range l.Warnings {
		log.WarnContext(ctx, "a load met what changes no row", "warning", w)
	}
	switch l.State {
	case warehouse.Loaded:
		log.InfoContext(ctx, "table loaded")
	case warehouse.AlreadyLoaded:
		log.InfoContext(ctx, "table was loaded before; nothing was changed")
	case warehouse.Skipped:
		log.WarnContext(ctx, "load skipped; nothing was changed", "reason", l.Reason)
	case warehouse.Abandoned:
		log.WarnContext(ctx, "load given up; its rows stay out of the target", "reason", l.Reason)
	case warehouse.Running:
		log.InfoContext(ctx, "load goes on in the warehouse", "handle", l.Handle)
	case Held:
		log.WarnContext(ctx, "load waits for another one", "code", l.Code, "error", l.Error)
	case Failed:
		log.ErrorContext(ctx, "load failed; nothing was changed", "code", l.Code, "error", l.Error)
	}
}

// measure writes metrics. The table is no dimension: CloudWatch bills each.
func (j *Job) measure(ctx context.Context, l Loaded) {
	list := []metrics.Metric{
		{Name: "LoadSeconds", Unit: metrics.Seconds, Value: l.Seconds},
		{Name: "LoadFailed", Unit: metrics.Count, Value: count(l.State == Failed)},
		{Name: "LoadSkipped", Unit: metrics.Count, Value: count(l.State == warehouse.Skipped)},
	}
	if l.State == warehouse.Loaded {
		list = append(list, metrics.Metric{Name: "RowsLoaded", Unit: metrics.Count, Value: float64(l.Rows)})
	}
	for name, rows := range map[string]int64{"RowsUpdated": l.Updated, "RowsDeleted": l.Deleted, "RowsRefused": l.Refused} {
		if rows > 0 {
			list = append(list, metrics.Metric{Name: name, Unit: metrics.Count, Value: float64(rows)})
		}
	}
	dimensions := []metrics.Dimension{{Name: "Function", Value: "load"}}
	if l.Warehouse != "" {
		dimensions = append(dimensions, metrics.Dimension{Name: "Warehouse", Value: l.Warehouse})
	}
	if err := j.Metrics.Write(dimensions, list...); err != nil {
		j.Log.WarnContext(ctx, "a load was not measured", slog.Any("error", err))
	}
}

func count(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// keepOutcome writes the outcome into the staging area; of failures only the
// last is kept.
func (j *Job) keepOutcome(ctx context.Context, at object.Location, loaded Loaded) error {
	data, err := json.MarshalIndent(loaded, "", " ")
	if err != nil {
		return fmt.Errorf("encoding the outcome of load %s: %w", loaded.LoadID, err)
	}
	_, err = j.Store.Put(ctx, at, append(data, '\n'), object.PutOptions{Headers: object.Headers{ContentType: "application/json"}})
	return err
}

// outcomeLimit bounds what is read as an outcome.
const outcomeLimit = 1 << 20

// kept reads what is kept of a load. What cannot be read is not known.
func (j *Job) kept(ctx context.Context, at object.Location) (Loaded, bool) {
	loaded, known, err := j.outcome(ctx, at)
	if err != nil {
		j.Log.WarnContext(ctx, "what is kept of a load could not be read", slog.Any("error", err))
	}
	return loaded, known
}

// outcome reads what is kept of a load; known is false when nothing is.
func (j *Job) outcome(ctx context.Context, at object.Location) (loaded Loaded, known bool, err error) {
	data, _, err := j.Store.Get(ctx, at, outcomeLimit)
	if errors.Is(err, object.ErrNotFound) {
		return Loaded{}, false, nil
	}
	if err != nil {
		return Loaded{}, false, err
	}
	if err := json.Unmarshal(data, &loaded); err != nil {
		return Loaded{}, false, fmt.Errorf("decoding %s: %w", at, err)
	}
	return loaded, true, nil
}

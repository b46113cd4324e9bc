package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"time"

	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// Line is one line of the history: how a load ended. Its fields are those of the
// table warehouse.HistoryTable, and promised: none changes its meaning.
type Line struct {
	At        time.Time          `json:"at"`
	Warehouse string             `json:"warehouse"`
	LoadID    string             `json:"load_id"`
	Receipt   string             `json:"receipt"`
	Source    string             `json:"source"`
	Target    string             `json:"target"`
	Run       stage.RunID        `json:"run"`
	Mode      warehouse.Mode     `json:"mode"`
	State     warehouse.State    `json:"state"`
	From      string             `json:"window_from"`
	To        string             `json:"window_to"`
	Rows      int64              `json:"rows_in"`
	Updated   int64              `json:"rows_updated"`
	Deleted   int64              `json:"rows_deleted"`
	Bytes     int64              `json:"bytes"`
	Changes   []warehouse.Change `json:"changes"`
	Seconds   float64            `json:"seconds"`
	// Statements are the warehouse's ids.
	Statements []string   `json:"statements"`
	Code       fault.Code `json:"error_code"`
	// Reason is why a load was skipped, abandoned or held, or why it failed.
	Reason string `json:"reason"`
}

// line is the history's of a load that has ended.
func line(p planned, l Loaded, o warehouse.Outcome, at time.Time) Line {
	made := Line{
		At: at.UTC(), Warehouse: l.Warehouse, LoadID: l.LoadID, Receipt: l.Receipt, Source: l.Source, Target: l.Target, Run: l.Run, Mode: l.Mode,
		State: l.State, Rows: l.Rows, Updated: o.Updated, Deleted: o.Deleted, Changes: append([]warehouse.Change{}, o.Changes...),
		Seconds: l.Seconds, Statements: append([]string{}, l.Statements...), Code: l.Code, Reason: l.Reason + l.Error,
	}
	if p.Window != nil {
		made.From, made.To = p.Window.From, p.Window.To
	}
	for _, part := range p.Parts {
		made.Bytes += part.Bytes
	}
	return made
}

// remember writes the line below _history/loads/dt=<day>/, an object each, and where
// the load had no transaction that did so has the warehouse add it to its history.
// An object is named after the load and how it ended: a repetition writes the same
// one again, on the same day. That it could not be written changes nothing for the
// load.
func (j *Job) remember(ctx context.Context, p planned, l Loaded, o warehouse.Outcome) {
	if l.State == warehouse.AlreadyLoaded {
		return
	}
	now := time.Now()
	err := j.writeLine(ctx, p, line(p, l, o, now))
	recorder, keeps := j.Warehouse.(warehouse.Recorder)
	if keeps && len(o.Statements) == 0 || keeps && l.State == Failed {
		o.Rows = l.Rows
		err = errors.Join(err, recorder.Record(ctx, warehouse.Record{
			Load: p.Load, Outcome: o, State: l.State, Took: time.Duration(l.Seconds * float64(time.Second)), Code: l.Code, Reason: l.Reason + l.Error, At: now,
		}))
	}
	if err != nil {
		j.Log.WarnContext(ctx, "how a load ended was not added to the history", slog.String("load_id", l.LoadID), slog.Any("error", err))
	}
}

func (j *Job) writeLine(ctx context.Context, p planned, l Line) error {
	data, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("encoding a line of the history: %w", err)
	}
	// Beside _loads/, or for objects without a receipt below the bucket's prefix.
	root := path.Dir(p.keep.Key)
	for root != "." && path.Base(root) != "_loads" && path.Base(root) != "_batches" {
		root = path.Dir(root)
	}
	name := l.LoadID
	if j.WarehouseName != "" {
		name += "-" + j.WarehouseName
	}
	key := path.Join(path.Dir(root), "_history/loads", "dt="+l.At.Format(time.DateOnly), name+"-"+string(l.State)+".jsonl")
	_, err = j.Store.Put(ctx, object.Location{Bucket: j.Bucket, Key: key}, append(data, '\n'), object.PutOptions{Headers: object.Headers{ContentType: "application/x-ndjson"}})
	return err
}

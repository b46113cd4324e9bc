// Package load is the job that brings staged tables into a warehouse.
//
// It is woken by a receipt. It reads the receipt, makes sure that every part is
// there with the size and checksum that the receipt gives, and hands the load
// to the warehouse, which does it in one transaction or finds it done.
//
// Promised: however often and however concurrently a receipt is delivered, its
// rows are in the target exactly once, and only if their number is the
// receipt's. When anything differs the target stays as it was and the error
// says what differs.
package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/trigger"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// Warehouse carries loads out; see package warehouse for the contract.
type Warehouse interface {
	// Loaded looks the load up in the ledger.
	Loaded(ctx context.Context, load warehouse.Load) (warehouse.Outcome, bool, error)
	// Load does it, unless it is done.
	Load(ctx context.Context, load warehouse.Load) (warehouse.Outcome, error)
}

// Job loads from one staging bucket into one warehouse. Its fields are set
// once, before the first call.
type Job struct {
	Store     *object.Store
	Bucket    string
	Layout    stage.Layout
	Warehouse Warehouse
	// TargetSchema is the schema of all targets; empty is the source's.
	TargetSchema string
	// Log receives what happens.
	Log *slog.Logger
}

// Request names a receipt to load by hand.
type Request struct {
	// Bucket is the staging bucket.
	Bucket string `json:"bucket"`
	// Key is the key of a receipt.
	Key string `json:"key"`
}

// Answer lists what became of each receipt.
type Answer struct {
	Loads []Loaded `json:"loads"`
}

// Loaded is one receipt that is in the warehouse. It is also what is kept
// under _loads/ in the staging area.
type Loaded struct {
	LoadID  string      `json:"load_id"`
	Receipt string      `json:"receipt"`
	Source  string      `json:"source"`
	Target  string      `json:"target"`
	Run     stage.RunID `json:"run"`
	// State is "loaded", or "already_loaded" when nothing was left to do.
	State warehouse.State `json:"state"`
	Rows  int64           `json:"rows"`
	// Statements are the warehouse's ids of what this call ran.
	Statements []string `json:"statements,omitempty"`
	Seconds    float64  `json:"seconds"`
}

// closingTime is kept back from the invocation's deadline, so that a load that
// is waited for in vain can be reported.
const closingTime = 5 * time.Second

var errOutOfTime = errors.New("out of time; the next delivery finds out how it ended")

// Handle loads the receipts that an event or a request names, one after the
// other. One that fails does not keep the others from being loaded; the error
// tells of all that failed.
func (j *Job) Handle(ctx context.Context, payload json.RawMessage) (Answer, error) {
	event, err := trigger.Decode(payload)
	if err != nil {
		return Answer{}, err
	}
	answer := Answer{Loads: []Loaded{}}
	locations, err := locate(event)
	if err != nil {
		return answer, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, deadline.Add(-closingTime), errOutOfTime)
		defer cancel()
	}
	var problems []error
	for _, location := range locations {
		loaded, err := j.Load(ctx, location)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		answer.Loads = append(answer.Loads, loaded)
	}
	return answer, errors.Join(problems...)
}

func locate(event trigger.Event) ([]object.Location, error) {
	if event.Kind == trigger.Direct {
		var request Request
		if err := trigger.DecodeRequest(event.Request, &request); err != nil {
			return nil, fmt.Errorf("reading the load request: %w", err)
		}
		return []object.Location{{Bucket: request.Bucket, Key: request.Key}}, nil
	}
	var locations []object.Location
	for _, o := range event.Objects {
		locations = append(locations, object.Location{Bucket: o.Bucket, Key: o.Key})
	}
	return locations, nil
}

// receiptLimit bounds what is read as a receipt: some 100,000 parts.
const receiptLimit = 32 << 20

// Load brings the table whose receipt is at location into the warehouse.
func (j *Job) Load(ctx context.Context, location object.Location) (Loaded, error) {
	start := time.Now()
	if location.Bucket != j.Bucket {
		return Loaded{}, fmt.Errorf("loading %s: this function loads from bucket %q only", location, j.Bucket)
	}
	if _, err := j.Layout.ParseReceipt(location.Key); err != nil {
		return Loaded{}, fmt.Errorf("loading %s: %w", location, err)
	}
	data, _, err := j.Store.Get(ctx, location, receiptLimit)
	if err != nil {
		return Loaded{}, fmt.Errorf("loading %s: %w", location, err)
	}
	receipt, err := j.Layout.DecodeReceipt(location.Key, data)
	if err != nil {
		return Loaded{}, err
	}
	load := j.describe(receipt, stage.LoadID(data))
	outcome, done, err := j.Warehouse.Loaded(ctx, load)
	if err != nil {
		return Loaded{}, err
	}
	if !done {
		if err := j.verify(ctx, receipt); err != nil {
			return Loaded{}, fmt.Errorf("loading %s: %w; nothing was loaded", location, err)
		}
		if outcome, err = j.Warehouse.Load(ctx, load); err != nil {
			return Loaded{}, err
		}
	}
	loaded := Loaded{
		LoadID: load.ID, Receipt: location.Key, Source: load.Source.String(), Target: load.Target.String(), Run: load.Run,
		State: outcome.State, Rows: outcome.Rows, Statements: outcome.Statements, Seconds: time.Since(start).Seconds(),
	}
	j.report(ctx, loaded)
	return loaded, j.keep(ctx, receipt, loaded)
}

func (j *Job) describe(receipt stage.Receipt, id string) warehouse.Load {
	load := warehouse.Load{
		ID: id, Run: receipt.Run, Source: receipt.Table, Target: receipt.Table,
		Columns: receipt.Columns, Format: receipt.Format, Rows: receipt.Rows,
	}
	if j.TargetSchema != "" {
		load.Target = table.Name{Schema: j.TargetSchema, Table: receipt.Table.Table}
	}
	if receipt.Manifest != "" {
		load.Manifest = object.Location{Bucket: j.Bucket, Key: receipt.Manifest}.String()
	}
	return load
}

func (j *Job) report(ctx context.Context, loaded Loaded) {
	log := j.Log.With("load_id", loaded.LoadID, "source", loaded.Source, "target", loaded.Target,
		"rows", loaded.Rows, "seconds", loaded.Seconds)
	if loaded.State == warehouse.AlreadyLoaded {
		log.InfoContext(ctx, "table was loaded before; nothing was changed")
		return
	}
	log.InfoContext(ctx, "table loaded")
}

// keep writes the load's outcome into the staging area. It is there already
// when the load was done before; it is not when that call died in between.
func (j *Job) keep(ctx context.Context, receipt stage.Receipt, loaded Loaded) error {
	data, err := json.MarshalIndent(loaded, "", " ")
	if err != nil {
		return fmt.Errorf("encoding the outcome of load %s: %w", loaded.LoadID, err)
	}
	location := object.Location{Bucket: j.Bucket, Key: j.Layout.Load(receipt.Database, loaded.LoadID)}
	_, err = j.Store.Put(ctx, location, append(data, '\n'), object.PutOptions{ContentType: "application/json", IfAbsent: true})
	if err != nil && !errors.Is(err, object.ErrExists) {
		return err
	}
	return nil
}

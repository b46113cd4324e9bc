package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// What the events of loads say of themselves; rules match by it.
const (
	eventSource = "stagelift.load"
	loadedType  = "Table Loaded"
	skippedType = "Load Skipped"
	failedType  = "Load Failed"
	changedType = "Schema Changed"
)

// Bus tells an EventBridge bus how loads ended. The detail of an event is what
// is kept under _loads/.
type Bus struct {
	client *eventbridge.Client
	name   string
}

// NewBus tells the bus of that name or ARN.
func NewBus(cfg aws.Config, name string) *Bus {
	return &Bus{eventbridge.NewFromConfig(cfg), name}
}

// detailLimit keeps an event below EventBridge's 256 KB.
const detailLimit = 200 << 10

// schemaChanged is the detail of a Schema Changed.
type schemaChanged struct {
	LoadID    string             `json:"load_id"`
	Warehouse string             `json:"warehouse,omitempty"`
	Source    string             `json:"source"`
	Target    string             `json:"target"`
	Run       stage.RunID        `json:"run"`
	State     warehouse.State    `json:"state"`
	Changes   []warehouse.Change `json:"changes"`
}

// Notify puts one event, and where columns differed one more before it.
func (b *Bus) Notify(ctx context.Context, loaded Loaded) error {
	kind := loadedType
	switch loaded.State {
	case Failed:
		kind = failedType
	case warehouse.Skipped, warehouse.Abandoned:
		kind = skippedType
	}
	detail, err := json.Marshal(loaded)
	if err == nil && len(detail) > detailLimit {
		short := loaded
		short.Errors, short.Changes, short.Error = nil, nil, loaded.Error[:min(len(loaded.Error), 1000)]
		detail, err = json.Marshal(short)
	}
	if err != nil {
		return fmt.Errorf("encoding the event of load %s: %w", loaded.LoadID, err)
	}
	entries := []types.PutEventsRequestEntry{b.entry(kind, detail)}
	if len(loaded.Changes) > 0 {
		changed, err := json.Marshal(schemaChanged{
			LoadID: loaded.LoadID, Warehouse: loaded.Warehouse, Source: loaded.Source, Target: loaded.Target,
			Run: loaded.Run, State: loaded.State, Changes: loaded.Changes[:min(len(loaded.Changes), changesLimit)],
		})
		if err != nil {
			return fmt.Errorf("encoding the changes of load %s: %w", loaded.LoadID, err)
		}
		entries = slices.Insert(entries, 0, b.entry(changedType, changed))
	}
	for _, entry := range entries { // each by itself: together they may be too large
		out, err := b.client.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{entry}})
		if err == nil && out.FailedEntryCount > 0 {
			err = errors.New(aws.ToString(out.Entries[0].ErrorCode) + ": " + aws.ToString(out.Entries[0].ErrorMessage))
		}
		if err != nil {
			return fmt.Errorf("telling bus %s of load %s: %w", b.name, loaded.LoadID, err)
		}
	}
	return nil
}

// changesLimit keeps their event below EventBridge's limit: names and types are
// of some hundred bytes.
const changesLimit = 400

func (b *Bus) entry(kind string, detail []byte) types.PutEventsRequestEntry {
	return types.PutEventsRequestEntry{
		EventBusName: aws.String(b.name), Source: aws.String(eventSource), DetailType: aws.String(kind), Detail: aws.String(string(detail)),
	}
}

package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/stagelift/stagelift/shared/warehouse"
)

// What the events of loads say of themselves; rules match by it.
const (
	eventSource = "stagelift.load"
	loadedType  = "Table Loaded"
	skippedType = "Load Skipped"
	failedType  = "Load Failed"
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

// Notify puts one event.
func (b *Bus) Notify(ctx context.Context, loaded Loaded) error {
	kind := loadedType
	switch loaded.State {
	case Failed:
		kind = failedType
	case warehouse.Skipped:
		kind = skippedType
	}
	detail, err := json.Marshal(loaded)
	if err == nil && len(detail) > detailLimit {
		loaded.Errors, loaded.Error = nil, loaded.Error[:min(len(loaded.Error), 1000)]
		detail, err = json.Marshal(loaded)
	}
	if err != nil {
		return fmt.Errorf("encoding the event of load %s: %w", loaded.LoadID, err)
	}
	out, err := b.client.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
		EventBusName: aws.String(b.name), Source: aws.String(eventSource), DetailType: aws.String(kind), Detail: aws.String(string(detail)),
	}}})
	if err == nil && out.FailedEntryCount > 0 {
		err = errors.New(aws.ToString(out.Entries[0].ErrorCode) + ": " + aws.ToString(out.Entries[0].ErrorMessage))
	}
	if err != nil {
		return fmt.Errorf("telling bus %s of load %s: %w", b.name, loaded.LoadID, err)
	}
	return nil
}

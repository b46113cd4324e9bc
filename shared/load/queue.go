package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/stagelift/stagelift/shared/trigger"
)

// message is what SQS delivers, as far as it is used.
type message struct {
	MessageID   string `json:"messageId"`
	EventSource string `json:"eventSource"`
	Body        string `json:"body"`
}

// ItemFailure names a message that SQS is to deliver again (Lambda guide,
// "Implementing partial batch responses").
type ItemFailure struct {
	ItemIdentifier string `json:"itemIdentifier"`
}

// decodeQueue reads the messages of a queue. Any other payload is not one, which
// the source of its first record tells.
func decodeQueue(payload json.RawMessage) ([]message, bool, error) {
	var event struct {
		Records []message `json:"Records"`
	}
	err := json.Unmarshal(payload, &event)
	if err != nil || len(event.Records) == 0 || event.Records[0].EventSource != "aws:sqs" {
		return nil, false, nil //nolint:nilerr // what it is, is told by whoever reads it
	}
	for i, m := range event.Records {
		if m.EventSource != "aws:sqs" || m.MessageID == "" {
			return nil, true, fmt.Errorf("decoding the event: record %d is of source %q with id %q, in a batch from SQS", i, m.EventSource, m.MessageID)
		}
	}
	return event.Records, true, nil
}

// loadQueue gathers the objects of all messages, so that a thousand small ones
// become a few loads. When anything fails, the messages whose objects are not
// known to be loaded are answered as failed; those that were loaded after all
// are found so when they come again.
func (j *Job) loadQueue(ctx context.Context, messages []message) (Answer, error) {
	answer := Answer{Loads: []Loaded{}}
	var objects []trigger.Object
	owners := map[trigger.Object][]string{}
	var problems []error
	failed := map[string]bool{}
	for _, m := range messages {
		event, err := trigger.Decode([]byte(m.Body))
		if err == nil && event.Kind == trigger.Direct {
			err = errors.New("a message of the queue is a request; invoke the function with it instead")
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("message %s: %w", m.MessageID, err))
			failed[m.MessageID] = true
			continue
		}
		for _, o := range event.Objects {
			if owners[o] == nil {
				objects = append(objects, o)
			}
			owners[o] = append(owners[o], m.MessageID)
		}
	}
	loads, err := j.created(ctx, objects)
	if err != nil {
		loads, err = j.oneByOne(ctx, objects, func(o trigger.Object) {
			for _, id := range owners[o] {
				failed[id] = true
			}
		})
	}
	answer.Loads = append(answer.Loads, loads...)
	problems = append(problems, err)
	for _, m := range messages {
		if failed[m.MessageID] {
			answer.Failures = append(answer.Failures, ItemFailure{m.MessageID})
		}
	}
	if err := errors.Join(problems...); err != nil {
		j.Log.ErrorContext(ctx, "messages are left in the queue", "messages", len(answer.Failures), "error", err.Error())
	}
	return answer, nil
}

// oneByOne finds out which of several objects cannot be loaded. Those that are
// in the warehouse by now are found there at once.
func (j *Job) oneByOne(ctx context.Context, objects []trigger.Object, fail func(trigger.Object)) ([]Loaded, error) {
	var loads []Loaded
	var problems []error
	for _, o := range objects {
		more, err := j.created(ctx, []trigger.Object{o})
		loads = append(loads, more...)
		if err != nil {
			fail(o)
			problems = append(problems, err)
		}
	}
	return loads, errors.Join(problems...)
}

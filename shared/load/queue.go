package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/strict"
	"github.com/stagelift/stagelift/shared/trigger"
)

// message is what SQS delivers, as far as it is used.
type message struct {
	MessageID   string `json:"messageId"`
	EventSource string `json:"eventSource"`
	Body        string `json:"body"`
	Attributes  struct {
		Received string `json:"ApproximateReceiveCount"`
	} `json:"attributes"`
}

// redelivered reports whether an earlier delivery has failed, or was not heard.
func (m message) redelivered() bool {
	return m.Attributes.Received != "" && m.Attributes.Received != "1"
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
// loaded are answered as failed.
func (j *Job) loadQueue(ctx context.Context, messages []message) (Answer, error) {
	answer := Answer{Loads: []Loaded{}}
	messages, answer.Loads, answer.Failures = j.handedOn(ctx, messages)
	if len(messages) == 0 {
		return answer, nil
	}
	objects, owners, failed, unread := unpack(messages)
	loads, brought, err := j.created(ctx, objects)
	answer.Loads = append(answer.Loads, loads...)
	for _, o := range objects {
		if err != nil && !brought[object.Location{Bucket: o.Bucket, Key: o.Key}] {
			for _, id := range owners[o] {
				failed[id] = true
			}
		}
	}
	for _, m := range messages {
		if failed[m.MessageID] {
			answer.Failures = append(answer.Failures, ItemFailure{m.MessageID})
		}
	}
	if err := errors.Join(unread, err); err != nil {
		j.Log.ErrorContext(ctx, "messages are left in the queue", "messages", len(answer.Failures), "error", err.Error())
	}
	return answer, nil
}

// handedOn carries out the messages that are requests which an invocation handed
// on, and returns the others.
func (j *Job) handedOn(ctx context.Context, messages []message) (others []message, loads []Loaded, failures []ItemFailure) {
	loads = []Loaded{}
	for _, m := range messages {
		event, err := trigger.Decode([]byte(m.Body))
		if err != nil || event.Kind != trigger.Direct || j.Waiting == nil {
			others = append(others, m)
			continue
		}
		var request Request
		var done []Loaded
		if err = strict.Decode(event.Request, &request); err == nil {
			done, err = j.again(ctx, m, request)
		}
		loads = append(loads, done...)
		if err != nil {
			failures = append(failures, ItemFailure{m.MessageID})
			j.Log.ErrorContext(ctx, "a load that was handed on is left in the queue", "message", m.MessageID, "error", err.Error())
		}
	}
	return others, loads, failures
}

// unpack reads the objects that messages tell of, and which messages told of
// each. A message that cannot be read has failed.
func unpack(messages []message) (objects []trigger.Object, owners map[trigger.Object][]string, failed map[string]bool, err error) {
	owners, failed = map[trigger.Object][]string{}, map[string]bool{}
	var problems []error
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
	return objects, owners, failed, errors.Join(problems...)
}

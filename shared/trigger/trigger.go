// Package trigger turns what wakes a function into typed values.
//
// A function is woken in one of four ways, and the payload says which by a
// field that only that way has:
//
//	"Records"      an S3 notification, several objects at a time
//	"Event"        the test event that S3 sends when a notification is set up
//	"detail-type"  an event from EventBridge, one object
//	none of these  a request, given by hand or as the Input of a schedule
//
// Promised: the shape is told by these fields alone, never by trying which
// decoder happens to succeed, and a payload that is almost right is refused
// with the field that is wrong. Keys come out as S3 has them, whatever
// encoding they travelled in. An error tells field names, kinds, keys and
// offsets, never the payload.
//
// Not promised: that an event comes once, in order or soon. S3 and EventBridge
// both deliver at least once; what is done with an object must bear being done
// again.
package trigger

import (
	"encoding/json"
	"fmt"

	"github.com/stagelift/stagelift/shared/strict"
)

// Kind is a way in which a function is woken. The zero Kind is none of them.
type Kind int

const (
	// Direct is a request, from a caller or from the Input of a schedule.
	Direct Kind = iota + 1
	// S3Event is an object's creation as EventBridge tells it.
	S3Event
	// S3Notification is one or more objects' creation as S3 itself tells it.
	S3Notification
	// S3Test is what S3 sends once when a notification is set up; there is
	// nothing to do.
	S3Test
)

// String returns the kind in words.
func (k Kind) String() string {
	switch k {
	case Direct:
		return "direct request"
	case S3Event:
		return "S3 event from EventBridge"
	case S3Notification:
		return "S3 notification"
	case S3Test:
		return "S3 test event"
	default:
		return fmt.Sprintf("kind %d", int(k))
	}
}

// Object is an object that was created in S3.
type Object struct {
	// Bucket and Key are never empty, and Key is decoded.
	Bucket, Key string
	// Size is in bytes; 0 also where the event does not tell it.
	Size int64
	// ETag is without quotes. It is empty where the event does not tell it,
	// and so is VersionID, in a bucket without versions above all.
	ETag, VersionID string
	// Sequencer orders the events of one key: of two, padded with zeros on
	// the left to one length, the greater is the later (S3 User Guide, "Event
	// message structure", 2026). It says nothing between keys.
	Sequencer string
}

// Event is what woke a function.
type Event struct {
	Kind Kind
	// Objects are those of an S3Event, exactly one, or of an S3Notification,
	// at least one, in the order told; nil for the other kinds.
	Objects []Object
	// Request is the payload of a Direct event, a JSON object whose fields are
	// not checked yet (see strict.Decode); nil for the other kinds. It shares
	// its bytes with the payload.
	Request json.RawMessage
}

// Decode reads the payload of an invocation.
func Decode(payload []byte) (Event, error) {
	event, err := decode(payload)
	if err != nil {
		return Event{}, fmt.Errorf("decoding the event: %w", err)
	}
	return event, nil
}

func decode(payload []byte) (Event, error) {
	if err := strict.Valid(payload); err != nil {
		return Event{}, err
	}
	list, err := strict.Members(payload)
	if err != nil {
		return Event{}, err
	}
	fields := make(map[string]json.RawMessage, len(list))
	for _, m := range list {
		fields[m.Name] = m.Value
	}
	switch {
	case fields["Records"] != nil:
		return decodeNotification(fields["Records"])
	case fields["detail-type"] != nil:
		return decodeEventBridge(fields)
	case fields["Event"] != nil:
		return decodeTest(fields["Event"])
	default:
		return Event{Kind: Direct, Request: payload}, nil
	}
}

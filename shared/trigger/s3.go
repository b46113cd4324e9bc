package trigger

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/stagelift/stagelift/shared/strict"
)

// record holds the fields of a notification record that are used. The type of
// aws-lambda-go reads all of them and would refuse an event for the time or
// the header of a request that nobody here looks at.
type record struct {
	EventVersion string `json:"eventVersion"`
	// EventSource also takes the EventSource of SNS: encoding/json does not
	// look at case.
	EventSource string `json:"eventSource"`
	EventName   string `json:"eventName"`
	S3          struct {
		Bucket struct {
			Name string `json:"name"`
		} `json:"bucket"`
		Object struct {
			Key       string `json:"key"`
			Size      int64  `json:"size"`
			ETag      string `json:"eTag"`
			VersionID string `json:"versionId"`
			Sequencer string `json:"sequencer"`
		} `json:"object"`
	} `json:"s3"`
}

const s3Source = "aws:s3"

func decodeNotification(raw json.RawMessage) (Event, error) {
	if got := strict.KindOf(raw); got != "list" {
		return Event{}, fmt.Errorf("field Records: got %s, want a list", got)
	}
	var records []record
	if err := json.Unmarshal(raw, &records); err != nil {
		return Event{}, fmt.Errorf("field Records: %w", strict.Wording(err))
	}
	if len(records) == 0 {
		return Event{}, errors.New("field Records is an empty list; a notification has at least one record")
	}
	for i, r := range records {
		if r.EventSource != records[0].EventSource {
			return Event{}, fmt.Errorf("field Records mixes sources: 0 is from %s, %d from %s",
				strict.Short(records[0].EventSource), i, strict.Short(r.EventSource))
		}
	}
	event := Event{Kind: S3Notification, Objects: make([]Object, len(records))}
	for i, r := range records {
		var err error
		if event.Objects[i], err = r.object(); err != nil {
			return Event{}, fmt.Errorf("record %d: %w", i, err)
		}
	}
	return event, nil
}

// object checks a record and returns what was created.
func (r record) object() (Object, error) {
	if r.EventSource != s3Source {
		return Object{}, fmt.Errorf("source is %s, want %s; S3 must notify the function itself or through EventBridge",
			strict.Short(r.EventSource), s3Source)
	}
	// Minor versions only add fields (S3 User Guide, "Event message structure").
	if major, _, _ := strings.Cut(r.EventVersion, "."); major != "2" {
		return Object{}, fmt.Errorf("eventVersion is %s, want 2 and any minor version", strict.Short(r.EventVersion))
	}
	if !strings.HasPrefix(r.EventName, "ObjectCreated:") {
		return Object{}, fmt.Errorf("eventName is %s, want ObjectCreated:*; set the notification to s3:ObjectCreated:* only",
			strict.Short(r.EventName))
	}
	key, err := url.QueryUnescape(r.S3.Object.Key)
	if err != nil {
		return Object{}, fmt.Errorf("decoding key %s: %w", strict.Short(r.S3.Object.Key), err)
	}
	from := r.S3.Object
	return checked(Object{
		Bucket: r.S3.Bucket.Name, Key: key, Size: from.Size,
		ETag: from.ETag, VersionID: from.VersionID, Sequencer: from.Sequencer,
	})
}

// detail is what EventBridge says of an object.
type detail struct {
	Bucket struct {
		Name string `json:"name"`
	} `json:"bucket"`
	Object struct {
		Key       string `json:"key"`
		Size      int64  `json:"size"`
		ETag      string `json:"etag"`
		VersionID string `json:"version-id"`
		Sequencer string `json:"sequencer"`
	} `json:"object"`
}

func decodeEventBridge(fields map[string]json.RawMessage) (Event, error) {
	var source, what string
	for name, to := range map[string]*string{"source": &source, "detail-type": &what} {
		if got := strict.KindOf(fields[name]); got != "text" {
			return Event{}, fmt.Errorf("field %s: got %s, want text", name, got)
		}
		if err := json.Unmarshal(fields[name], to); err != nil {
			return Event{}, fmt.Errorf("field %s: %w", name, err)
		}
	}
	if what == "Scheduled Event" && (source == "aws.events" || source == "aws.scheduler") {
		return Event{}, fmt.Errorf("a scheduled event from %s carries no request; set the request as the Input of the schedule", source)
	}
	if source != "aws.s3" || what != "Object Created" {
		return Event{}, fmt.Errorf(`event is %s from %s, want "Object Created" from "aws.s3"; narrow the rule's pattern`,
			strict.Short(what), strict.Short(source))
	}
	if got := strict.KindOf(fields["detail"]); got != "object" {
		return Event{}, fmt.Errorf("field detail: got %s, want an object", got)
	}
	var d detail
	if err := json.Unmarshal(fields["detail"], &d); err != nil {
		return Event{}, fmt.Errorf("field detail: %w", strict.Wording(err))
	}
	// The key is taken as it stands: EventBridge, unlike a notification, does
	// not encode it. AWS shows that in examples and states it nowhere that we
	// found, so a key with a space or a plus is worth a try after a deployment.
	object, err := checked(Object{
		Bucket: d.Bucket.Name, Key: d.Object.Key, Size: d.Object.Size,
		ETag: d.Object.ETag, VersionID: d.Object.VersionID, Sequencer: d.Object.Sequencer,
	})
	if err != nil {
		return Event{}, fmt.Errorf("field detail: %w", err)
	}
	return Event{Kind: S3Event, Objects: []Object{object}}, nil
}

func decodeTest(raw json.RawMessage) (Event, error) {
	var name string
	if err := json.Unmarshal(raw, &name); err != nil {
		return Event{}, fmt.Errorf("field Event: got %s, want text", strict.KindOf(raw))
	}
	if name != "s3:TestEvent" {
		return Event{}, fmt.Errorf("field Event is %s, want s3:TestEvent", strict.Short(name))
	}
	return Event{Kind: S3Test}, nil
}

func checked(o Object) (Object, error) {
	switch {
	case o.Bucket == "":
		return Object{}, errors.New("names no bucket")
	case o.Key == "":
		return Object{}, errors.New("names no key")
	case !utf8.ValidString(o.Key):
		return Object{}, fmt.Errorf("key %s is not valid UTF-8", strict.Short(o.Key))
	case o.Size < 0:
		return Object{}, fmt.Errorf("size of key %s is %d", strict.Short(o.Key), o.Size)
	}
	return o, nil
}

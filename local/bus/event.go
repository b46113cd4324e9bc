package bus

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Event says that an object was created. Its two encodings are what AWS sends.
type Event struct {
	// ID is a UUID; deliveries of one event share it.
	ID string
	// Time is cut to seconds by EventBridge and to milliseconds by S3.
	Time            time.Time
	Region, Account string
	// Bucket and Key are as S3 has them, without any encoding.
	Bucket, Key string
	// Size is in bytes.
	Size int64
	// ETag is without quotes.
	ETag string
	// VersionID is empty in a bucket without versions.
	VersionID string
	// Sequencer is hex digits that grow with the events of one key.
	Sequencer string
}

// multipart tells an object that was uploaded in parts by its ETag: the digest
// of the parts' digests, and their number.
func (e Event) multipart() bool { return strings.Contains(e.ETag, "-") }

type envelope struct {
	Version    string   `json:"version"`
	ID         string   `json:"id"`
	DetailType string   `json:"detail-type"`
	Source     string   `json:"source"`
	Account    string   `json:"account"`
	Time       string   `json:"time"`
	Region     string   `json:"region"`
	Resources  []string `json:"resources"`
	Detail     detail   `json:"detail"`
}

type detail struct {
	Version      string `json:"version"`
	EventVersion string `json:"event-version"`
	Bucket       struct {
		Name string `json:"name"`
	} `json:"bucket"`
	Object          object `json:"object"`
	RequestID       string `json:"request-id"`
	Requester       string `json:"requester"`
	SourceIPAddress string `json:"source-ip-address"`
	Reason          string `json:"reason"`
}

type object struct {
	Key       string `json:"key"`
	Size      int64  `json:"size"`
	ETag      string `json:"etag"`
	VersionID string `json:"version-id,omitempty"`
	Sequencer string `json:"sequencer"`
}

// EventBridge returns the event as EventBridge delivers it (S3 User Guide,
// "EventBridge event message structure"). The key is not encoded.
func (e Event) EventBridge() []byte {
	d := detail{
		Version:      "0",
		EventVersion: "1.0",
		Object: object{
			Key: e.Key, Size: e.Size, ETag: e.ETag, VersionID: e.VersionID, Sequencer: e.Sequencer,
		},
		RequestID:       e.requestID(),
		Requester:       e.Account,
		SourceIPAddress: "127.0.0.1",
		Reason:          "PutObject",
	}
	d.Bucket.Name = e.Bucket
	if e.multipart() {
		d.Reason = "CompleteMultipartUpload"
	}
	return encode(envelope{
		Version:    "0",
		ID:         e.ID,
		DetailType: "Object Created",
		Source:     "aws.s3",
		Account:    e.Account,
		Time:       e.Time.UTC().Format(time.RFC3339),
		Region:     e.Region,
		Resources:  []string{bucketARN(e.Bucket)},
		Detail:     d,
	})
}

// Notification returns the events as one S3 notification, the way S3 invokes a
// function without EventBridge (S3 User Guide, "Event message structure"). The
// key is form-encoded. The bus itself sends none; this is for tests and for
// invoking a function by hand.
func Notification(events ...Event) []byte {
	type fields = map[string]any
	records := make([]fields, len(events))
	for i, e := range events {
		name := "ObjectCreated:Put"
		if e.multipart() {
			name = "ObjectCreated:CompleteMultipartUpload"
		}
		about := fields{"key": formKey(e.Key), "size": e.Size, "eTag": e.ETag, "sequencer": e.Sequencer}
		if e.VersionID != "" {
			about["versionId"] = e.VersionID
		}
		records[i] = fields{
			"eventVersion":      "2.5",
			"eventSource":       "aws:s3",
			"awsRegion":         e.Region,
			"eventTime":         e.Time.UTC().Format("2006-01-02T15:04:05.000Z"),
			"eventName":         name,
			"userIdentity":      fields{"principalId": "AWS:" + e.Account},
			"requestParameters": fields{"sourceIPAddress": "127.0.0.1"},
			"responseElements":  fields{"x-amz-request-id": e.requestID(), "x-amz-id-2": e.ID},
			"s3": fields{
				"s3SchemaVersion": "1.0",
				"configurationId": "stagelift",
				"bucket": fields{
					"name":          e.Bucket,
					"ownerIdentity": fields{"principalId": e.Account},
					"arn":           bucketARN(e.Bucket),
				},
				"object": about,
			},
		}
	}
	return encode(fields{"Records": records})
}

// formKey encodes a key as S3 does: a form's encoding that leaves slashes alone.
func formKey(key string) string {
	return strings.ReplaceAll(url.QueryEscape(key), "%2F", "/")
}

// requestID has the form of S3's, and is the same in every encoding of e.
func (e Event) requestID() string {
	digits := strings.ToUpper(strings.ReplaceAll(e.ID, "-", ""))
	return digits[:min(16, len(digits))]
}

func bucketARN(bucket string) string { return "arn:aws:s3:::" + bucket }

// encode leaves <, > and & as they are, as AWS does.
func encode(v any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic(err) // only strings and numbers are encoded
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// newUUID returns a random UUID (RFC 9562, version 4).
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

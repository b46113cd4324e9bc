package bus

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/trigger"
)

var sample = Event{
	ID:        "6f1c2a4e-9d3b-4b7e-8a52-0c1de2f3a4b5",
	Time:      time.Date(2026, 11, 21, 1, 31, 7, 123456789, time.FixedZone("CET", 3600)),
	Region:    "eu-central-1",
	Account:   "123456789012",
	Bucket:    "stage",
	Key:       "a b/c&d.csv",
	Size:      1432,
	ETag:      "d41d8cd98f00b204e9800998ecf8427e",
	Sequencer: "1879B1C0E5A2C3D4",
}

func TestEventBridge(t *testing.T) {
	t.Parallel()
	want := `{"version":"0","id":"6f1c2a4e-9d3b-4b7e-8a52-0c1de2f3a4b5","detail-type":"Object Created",` +
		`"source":"aws.s3","account":"123456789012","time":"2026-11-21T00:31:07Z","region":"eu-central-1",` +
		`"resources":["arn:aws:s3:::stage"],"detail":{"version":"0","event-version":"1.0","bucket":{"name":"stage"},` +
		`"object":{"key":"a b/c&d.csv","size":1432,"etag":"d41d8cd98f00b204e9800998ecf8427e","sequencer":"1879B1C0E5A2C3D4"},` +
		`"request-id":"6F1C2A4E9D3B4B7E","requester":"123456789012","source-ip-address":"127.0.0.1","reason":"PutObject"}}`
	if diff := cmp.Diff(want, string(sample.EventBridge())); diff != "" {
		t.Error("(-want +got)\n" + diff)
	}
}

func TestReasonIsThatOfTheETag(t *testing.T) {
	t.Parallel()
	e := sample
	e.ETag = "0123456789abcdef0123456789abcdef-2"
	var got struct {
		Detail struct {
			Reason string `json:"reason"`
		} `json:"detail"`
	}
	if err := json.Unmarshal(e.EventBridge(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Detail.Reason != "CompleteMultipartUpload" {
		t.Errorf("reason %q, want CompleteMultipartUpload", got.Detail.Reason)
	}
}

// TestNotificationIsLambdas reads a notification with the types of AWS's own
// library, which knows how S3 encodes keys.
func TestNotificationIsLambdas(t *testing.T) {
	t.Parallel()
	second := sample
	second.Key, second.VersionID, second.ETag = "100%/ü+1.csv", "v1", "0123456789abcdef0123456789abcdef-2"
	var got events.S3Event
	if err := json.Unmarshal(Notification(sample, second), &got); err != nil {
		t.Fatal(err)
	}
	want := []events.S3EventRecord{record(sample, "a+b/c%26d.csv", "Put"), record(second, "100%25/%C3%BC%2B1.csv", "CompleteMultipartUpload")}
	if diff := cmp.Diff(want, got.Records); diff != "" {
		t.Error("(-want +got)\n" + diff)
	}
}

func record(e Event, encodedKey, name string) events.S3EventRecord {
	r := events.S3EventRecord{
		EventVersion:      "2.5",
		EventSource:       "aws:s3",
		AWSRegion:         "eu-central-1",
		EventTime:         time.Date(2026, 11, 21, 0, 31, 7, 123e6, time.UTC),
		EventName:         "ObjectCreated:" + name,
		PrincipalID:       events.S3UserIdentity{PrincipalID: "AWS:123456789012"},
		RequestParameters: events.S3RequestParameters{SourceIPAddress: "127.0.0.1"},
		ResponseElements:  map[string]string{"x-amz-request-id": "6F1C2A4E9D3B4B7E", "x-amz-id-2": e.ID},
	}
	r.S3.SchemaVersion, r.S3.ConfigurationID = "1.0", "stagelift"
	r.S3.Bucket = events.S3Bucket{
		Name: "stage", Arn: "arn:aws:s3:::stage", OwnerIdentity: events.S3UserIdentity{PrincipalID: "123456789012"},
	}
	r.S3.Object = events.S3Object{
		Key: encodedKey, URLDecodedKey: e.Key, Size: e.Size, ETag: e.ETag, VersionID: e.VersionID, Sequencer: e.Sequencer,
	}
	return r
}

// TestKeysArrive sends keys that encodings are known to bend.
func TestKeysArrive(t *testing.T) {
	t.Parallel()
	for _, key := range []string{
		"plain.csv", "with space.csv", "a+b.csv", "100%.csv", "%2B%20.csv", "a/b//c.csv", "/lead/ing/",
		"ünï/çødé/日本/🚚.csv", `quote"back\slash.csv`, "<a>&b;c=d?e#f.csv", "new\nline\ttab.csv", "\u2028.csv",
		"shop/public.%22odd%22/20261121T003000Z-7f3a91c2/receipt.json", "*~!'()$@,:.csv",
	} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			checkArrival(t, key)
		})
	}
}

func FuzzKeysArrive(f *testing.F) {
	for _, key := range []string{"a b", "a+b", "%", "ü/日本", "\x00", "\u2028", `"\`} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		// S3 keys are UTF-8 and not empty.
		if key == "" || key != string([]rune(key)) {
			return
		}
		checkArrival(t, key)
	})
}

func checkArrival(t *testing.T, key string) {
	t.Helper()
	e := sample
	e.Key = key
	want := []trigger.Object{{Bucket: "stage", Key: key, Size: e.Size, ETag: e.ETag, Sequencer: e.Sequencer}}
	for _, payload := range [][]byte{e.EventBridge(), Notification(e)} {
		got, err := trigger.Decode(payload)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got.Objects); diff != "" {
			t.Errorf("%v (-want +got)\n%s", got.Kind, diff)
		}
	}
}

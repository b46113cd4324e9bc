package trigger_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/trigger"
)

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ payload, want string }{
		"nothing":                         {"", "not valid JSON at offset 0 of 0"},
		"null":                            {"null", "got null, want an object"},
		"text":                            {`"x"`, "got text, want an object"},
		"a second value":                  {`{} {}`, "not valid JSON at offset 4 of 5"},
		"an object cut short":             {`{"tables":`, "not valid JSON at offset 10 of 10"},
		"bytes that are not UTF-8":        {"{\"key\":\"\xff\"}", "not valid UTF-8 at offset 8 of 11"},
		"records that are no list":        {`{"Records":{}}`, "field Records: got object, want a list"},
		"null for records":                {`{"Records":null}`, "field Records: got null, want a list"},
		"a null record":                   {`{"Records":[null]}`, `record 0: source is ""`},
		"a key that is no text":           {notification(`7`), "key: got number, want text"},
		"a key that decodes to bad UTF-8": {notification(`"%ff"`), `is not valid UTF-8`},
		"an event without a source":       {`{"detail-type":"Object Created"}`, "field source: got nothing, want text"},
		"an event without a detail":       {`{"detail-type":"Object Created","source":"aws.s3"}`, "field detail: got nothing, want an object"},
		"a negative size": {
			`{"detail-type":"Object Created","source":"aws.s3","detail":{"bucket":{"name":"b"},"object":{"key":"k","size":-1}}}`,
			`size of key "k" is -1`,
		},
		"another test event":           {`{"Event":"s3:OtherEvent"}`, `field Event is "s3:OtherEvent", want s3:TestEvent`},
		"a test event of another kind": {`{"Event":1}`, "field Event: got number, want text"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := trigger.Decode([]byte(test.payload))
			wantError(t, err, test.want)
		})
	}
}

func TestDecodeTellsEveryRecordInOrder(t *testing.T) {
	t.Parallel()
	records := make([]string, 3)
	for i := range records {
		records[i] = record(fmt.Sprintf(`"stage/%d+%%2B"`, i))
	}
	event, err := trigger.Decode([]byte(`{"Records":[` + strings.Join(records, ",") + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, o := range event.Objects {
		keys = append(keys, o.Key)
	}
	if diff := cmp.Diff([]string{"stage/0 +", "stage/1 +", "stage/2 +"}, keys); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

func TestDecodeTakesAnEventBridgeKeyAsItStands(t *testing.T) {
	t.Parallel()
	const key = "unload/north + 100%25"
	event, err := trigger.Decode([]byte(`{"detail-type":"Object Created","source":"aws.s3",
		"detail":{"bucket":{"name":"b"},"object":{"key":"` + key + `","version-id":"v7"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := trigger.Event{Kind: trigger.S3Event, Objects: []trigger.Object{{Bucket: "b", Key: key, VersionID: "v7"}}}
	if diff := cmp.Diff(want, event); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}

func TestErrorsDoNotRepeatThePayload(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("secret ", 10_000)
	quoted, err := json.Marshal(long)
	if err != nil {
		t.Fatal(err)
	}
	for name, payload := range map[string]string{
		"key":         notification(`"%zz` + long + `"`),
		"event name":  `{"Event":` + string(quoted) + `}`,
		"detail type": `{"source":"aws.s3","detail-type":` + string(quoted) + `}`,
		"syntax":      `{"a":` + string(quoted),
		"field twice": `{` + string(quoted) + `:1,` + string(quoted) + `:2}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := trigger.Decode([]byte(payload))
			wantError(t, err, "decoding the event: ")
			if got := len(err.Error()); got > 4096 {
				t.Errorf("error is %d bytes long", got)
			}
		})
	}
}

func TestKindString(t *testing.T) {
	t.Parallel()
	for kind, want := range map[trigger.Kind]string{
		trigger.Direct: "direct request", trigger.S3Event: "S3 event from EventBridge",
		trigger.S3Notification: "S3 notification", trigger.S3Test: "S3 test event", 0: "kind 0",
	} {
		if got := kind.String(); got != want {
			t.Errorf("kind %d is %q, want %q", int(kind), got, want)
		}
	}
}

// notification returns an S3 notification of one object; key is in JSON.
func notification(key string) string { return `{"Records":[` + record(key) + `]}` }

func record(key string) string {
	return `{"eventVersion":"2.3","eventSource":"aws:s3","eventName":"ObjectCreated:Copy",
		"s3":{"bucket":{"name":"b"},"object":{"key":` + key + `,"size":1}}}`
}

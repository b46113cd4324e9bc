package trigger_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stagelift/stagelift/shared/trigger"
)

func FuzzDecode(f *testing.F) {
	for _, payload := range readSamples(f) {
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		event, err := trigger.Decode(payload)
		switch {
		case err != nil:
			if event.Kind != 0 {
				t.Fatalf("an event of kind %s beside the error %v", event.Kind, err)
			}
		case event.Kind == trigger.Direct:
			if !json.Valid(event.Request) || event.Objects != nil {
				t.Fatalf("a direct request that is no JSON, or objects: %v", event.Objects)
			}
		case event.Kind == trigger.S3Test:
			if event.Objects != nil {
				t.Fatalf("a test event with objects %v", event.Objects)
			}
		case len(event.Objects) == 0:
			t.Fatalf("%s without an object", event.Kind)
		}
		for _, o := range event.Objects {
			if o.Bucket == "" || o.Key == "" || !utf8.ValidString(o.Key) {
				t.Fatalf("object %+v", o)
			}
		}
	})
}

// FuzzKey sends a key through a notification, encoded as a form does it.
func FuzzKey(f *testing.F) {
	for _, key := range []string{"a b", "a+b", "100%", "a%20b", "ключ/鍵", "\x00", "/", "stage/shop/public.Order%20Items/receipt.json"} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		// A key is UTF-8 and not empty (S3 User Guide, "Naming objects").
		if key == "" || !utf8.ValidString(key) {
			return
		}
		// S3 leaves slashes as they are.
		encoded := strings.ReplaceAll(url.QueryEscape(key), "%2F", "/")
		event, err := trigger.Decode([]byte(notification(`"` + encoded + `"`)))
		if err != nil {
			t.Fatal(err)
		}
		if got := event.Objects[0].Key; got != key {
			t.Fatalf("key %q became %q", key, got)
		}
	})
}

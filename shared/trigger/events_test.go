package trigger_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/trigger"
)

const samples = "../../events"

const (
	bucket    = "stagelift-stage"
	etag      = "d41d8cd98f00b204e9800998ecf8427e"
	sequencer = "00673E7F9B1A2C3D4E"
	run       = "20261121T003000Z-7f3a91c2"
)

// outcome is what comes out of a sample: an event or an error that says err.
type outcome struct {
	event trigger.Event
	err   string
}

func direct() outcome { return outcome{event: trigger.Event{Kind: trigger.Direct}} }

func object(kind trigger.Kind, bucket, key string, size int64) outcome {
	return outcome{event: trigger.Event{Kind: kind, Objects: []trigger.Object{
		{Bucket: bucket, Key: key, Size: size, ETag: etag, Sequencer: sequencer},
	}}}
}

func refused(err string) outcome { return outcome{err: err} }

// outcomes has an entry for every file in events/. Requests that are refused
// by their reader, and objects that are refused by a job, pass here.
var outcomes = map[string]outcome{
	"extract-all.json":         direct(),
	"extract-one-gzip.json":    direct(),
	"extract-quoted-name.json": direct(),
	"extract-schedule.json":    direct(),

	"extract-continue.json":      direct(),
	"extract-repair.json":        direct(),
	"extract-csv-options.json":   direct(),
	"extract-deletes.json":       direct(),
	"extract-held-snapshot.json": direct(),
	"extract-incremental.json":   direct(),
	"extract-jsonl.json":         direct(),
	"extract-out-of-range.json":  direct(),
	"extract-overrides.json":     direct(),
	"extract-parquet.json":       direct(),
	"extract-too-long.json":      direct(),
	"extract-widths.json":        direct(),
	"extract-parts.json":         direct(),
	"extract-patience.json":      direct(),
	"extract-restart.json":       direct(),

	"refuse-compression-of-format.json":    direct(),
	"refuse-continuation-with-tables.json": direct(),
	"refuse-incremental-replace.json":      direct(),
	"refuse-unknown-override.json":         direct(),

	"header-direct.json":               direct(),
	"header-list.json":                 direct(),
	"header-prefix.json":               direct(),
	"header-manifest.json":             direct(),
	"header-merge.json":                direct(),
	"header-merge-prefix.json":         direct(),
	"header-rewrite.json":              direct(),
	"header-delete.json":               direct(),
	"header-tag.json":                  direct(),
	"header-continue.json":             direct(),
	"header-quotes.json":               direct(),
	"header-manifest-eventbridge.json": object(trigger.S3Event, bucket, "unload/2026-11-21/sales_manifest", 1432),
	"header-eventbridge.json":          object(trigger.S3Event, bucket, "unload/customers_0000_part_00", 52428800),
	"header-notification.json":         object(trigger.S3Notification, bucket, "unload/north + south/sales_0000_part_00", 1048576),

	"load-abandon.json":  direct(),
	"load-continue.json": direct(),
	"load-direct.json":   direct(),
	"load-object.json":   direct(),

	// load unpacks these itself.
	"load-queue.json":          refused(`record 0: source is "aws:sqs", want aws:s3`),
	"load-queue-jsonl.json":    refused(`record 0: source is "aws:sqs", want aws:s3`),
	"load-queue-parquet.json":  refused(`record 0: source is "aws:sqs", want aws:s3`),
	"load-queue-manifest.json": refused(`record 0: source is "aws:sqs", want aws:s3`),

	"load-receipt-eventbridge.json": object(trigger.S3Event, bucket,
		"stage/shop/public.customers/"+run+"/receipt.json", 1432),
	"load-receipt-notification.json": object(trigger.S3Notification, bucket,
		"stage/shop/public.Order%20Items/"+run+"/receipt.json", 1587),

	"s3-test-event.json": {event: trigger.Event{Kind: trigger.S3Test}},

	"refuse-unknown-field.json":        direct(),
	"refuse-unknown-nested-field.json": direct(),
	"refuse-wrong-type.json":           direct(),
	"refuse-null-field.json":           direct(),
	"refuse-unknown-format.json":       direct(),
	"refuse-no-tables.json":            direct(),
	"refuse-bad-pattern.json":          direct(),
	"refuse-foreign-key.json":          direct(),
	"refuse-foreign-bucket.json": object(trigger.S3Event, "somebody-elses-bucket",
		"stage/shop/public.customers/"+run+"/receipt.json", 1432),

	"refuse-header-no-place.json":       direct(),
	"refuse-header-two-places.json":     direct(),
	"refuse-header-delimiter.json":      direct(),
	"refuse-header-template.json":       direct(),
	"refuse-header-merge-nowhere.json":  direct(),
	"refuse-header-if-exists.json":      direct(),
	"refuse-header-after-both.json":     direct(),
	"refuse-header-unknown-option.json": direct(),

	"refuse-field-twice.json":                  refused(`field "tables" is given twice`),
	"refuse-not-json.txt":                      refused("not valid JSON at offset 30 of 31"),
	"refuse-not-an-object.json":                refused("got list, want an object"),
	"refuse-removed-notification.json":         refused(`record 0: eventName is "ObjectRemoved:Delete", want ObjectCreated:*`),
	"refuse-removed-event.json":                refused(`event is "Object Deleted" from "aws.s3"`),
	"refuse-foreign-event.json":                refused(`event is "EC2 Instance State-change Notification" from "aws.ec2"`),
	"refuse-scheduled-without-input.json":      refused("from aws.scheduler carries no request; set the request as the Input of the schedule"),
	"refuse-scheduled-rule-without-input.json": refused("from aws.events carries no request; set the request as the Input of the schedule"),
	"refuse-empty-notification.json":           refused("field Records is an empty list"),
	"refuse-sqs.json":                          refused(`record 0: source is "aws:sqs", want aws:s3`),
	"refuse-sns.json":                          refused(`record 0: source is "aws:sns", want aws:s3`),
	"refuse-mixed-batch.json":                  refused(`field Records mixes sources: 0 is from "aws:s3", 1 from "aws:sqs"`),
	"refuse-event-version.json":                refused(`record 0: eventVersion is "3.0", want 2`),
	"refuse-no-key.json":                       refused("record 0: names no key"),
	"refuse-no-bucket.json":                    refused("field detail: names no bucket"),
	"refuse-bad-key-encoding.json":             refused(`record 0: decoding key "unload/100%"`),
}

func TestDecodeEverySample(t *testing.T) {
	t.Parallel()
	files := readSamples(t)
	for name := range outcomes {
		if files[name] == nil {
			t.Errorf("events/%s is stated here but is not there", name)
		}
	}
	for name, payload := range files {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, stated := outcomes[name]
			if !stated {
				t.Fatalf("events/%s has no outcome stated in this test", name)
			}
			got, err := trigger.Decode(payload)
			if want.err != "" {
				wantError(t, err, "decoding the event: ", want.err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if want.event.Kind == trigger.Direct {
				want.event.Request = payload
			}
			if diff := cmp.Diff(want.event, got); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
		})
	}
}

func readSamples(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(samples, "*"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no samples in %s: %v", samples, err)
	}
	files := make(map[string][]byte, len(paths))
	for _, path := range paths {
		if files[filepath.Base(path)], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func wantError(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one that says %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error is %q, want it to say %q", err, part)
		}
	}
}

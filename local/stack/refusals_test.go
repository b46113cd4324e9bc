package stack_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/stagelift/stagelift/local/bus"
	"github.com/stagelift/stagelift/local/s3/door"
	"github.com/stagelift/stagelift/local/stack"
	"github.com/stagelift/stagelift/shared/stage"
)

// openDoor puts a door that fails as told before the S3 server.
func openDoor(t *testing.T, endpoint string, fault door.Fault) (string, error) {
	t.Helper()
	d, err := door.Open(t.Context(), endpoint)
	if err != nil {
		return "", err
	}
	t.Cleanup(func() { _ = d.Close() })
	d.Fail(fault)
	return d.Endpoint(), nil
}

// deliver hands load the event of a receipt, as EventBridge would.
func (b *bundle) deliver(receipt string) {
	b.Helper()
	if err := b.Functions.InvokeAsync("load", receiptEvent(receipt)); err != nil {
		b.Fatal(err)
	}
}

func receiptEvent(key string) []byte {
	return bus.Event{ID: "e", Time: time.Now(), Region: stack.Region, Account: stack.Account, Bucket: stack.Bucket, Key: key}.EventBridge()
}

func (b *bundle) put(key string, body []byte) {
	b.Helper()
	_, err := b.S3Client().PutObject(b.Context(), &s3.PutObjectInput{Bucket: aws.String(stack.Bucket), Key: aws.String(key), Body: bytes.NewReader(body)})
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bundle) remove(key string) {
	b.Helper()
	_, err := b.S3Client().DeleteObject(b.Context(), &s3.DeleteObjectInput{Bucket: aws.String(stack.Bucket), Key: aws.String(key)})
	if err != nil {
		b.Fatal(err)
	}
}

// Whatever is wrong with a request or event, the error says what, and nothing
// is staged or loaded.
func TestBadInputIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, stack.Options{Deaf: true}, fewRows+`; CREATE SCHEMA hidden; CREATE TABLE secret (n int); REVOKE ALL ON secret FROM stagelift;
		CREATE TABLE filtered (n int); ALTER TABLE filtered ENABLE ROW LEVEL SECURITY`)
	cases := []struct {
		function, event string
		want            []string
	}{
		{"extract", `{"tables":["public.t","public.nope"],"on_failure":"stop"}`, []string{"table public.nope does not exist"}},
		{"extract", `{"tables":["nowhere.*"]}`, []string{"pattern nowhere.* matches no table"}},
		{"extract", `{"tables":["public.t"],"exclude":["public.*"]}`, []string{"every selected table is excluded"}},
		{"extract", `{"tables":["public.secret"]}`, []string{"public.secret", `GRANT SELECT ON "public"."secret" TO "stagelift"`}},
		{"extract", `{"tables":["public.filtered"]}`, []string{"public.filtered", "row-level security"}},
		{
			"extract", `{"tables":["t"],"compression":"rar","streams":-1,"part_bytes":-1,"load":{"mode":"upsert"}}`,
			[]string{`"t"`, "schema.table", `compression of csv is "rar"`, "streams is -1", "part_bytes is -1", `load.mode is "upsert"`},
		},
		{"extract", "refuse-not-json.txt", nil},
		{"extract", "refuse-unknown-field.json", []string{`no field "table"`, "there are tables, exclude"}},
		{"extract", "refuse-unknown-format.json", []string{"format is"}},
		{"extract", "refuse-no-tables.json", []string{"tables is empty"}},
		{"extract", "refuse-compression-of-format.json", []string{`compression of jsonl is "snappy", want one of none, gzip, zstd`}},
		{"extract", "refuse-continuation-with-tables.json", []string{"set nothing else but snapshot"}},
		{"extract", "refuse-incremental-replace.json", []string{"load.mode replace would leave the newest rows alone"}},
		{"extract", "refuse-unknown-override.json", []string{`field overrides["public.orders"]: no field "colums"`}},
		{"extract", "extract-continue.json", []string{"going on with run 20261121T003000Z-7f3a91c2", "not found"}},
		{"extract", "extract-held-snapshot.json", []string{"00000003-0000001B-1", "it is gone"}},
		{"extract", "refuse-bad-pattern.json", []string{"schema.table"}},
		{"extract", "header-eventbridge.json", []string{"not by an S3 event"}},
		{"load", "refuse-foreign-bucket.json", []string{`not a receipt of bucket "stagelift-stage"`}},
		{"load", "refuse-foreign-key.json", []string{"not a key of the staging area"}},
		{"load", `{"bucket":"stagelift-stage","key":"stage/shop/public.t/20261121T003000Z-7f3a91c2/receipt.json"}`, []string{"not found"}},
		{"load", `{"bucket":"stagelift-stage"}`, []string{"key"}},
		{"header", "refuse-foreign-key.json", []string{"is not below s3://stagelift-stage/unload/"}},
		{"header", `{"bucket":"stagelift-stage","key":"unload/x/y"}`, []string{"not found"}},
		{"header", `{"bucket":"stagelift-stage","key":"other/y","header":["a"]}`, []string{"destination.key"}},
		{"header", `{"bucket":"stagelift-stage","key":"unload/y","header":["a"],"destination":{"key":"unload/y"}}`, []string{"the destination is the source itself"}},
	}
	t.Run("all", func(t *testing.T) {
		for _, c := range cases {
			t.Run(c.function+" "+c.event, func(t *testing.T) {
				t.Parallel()
				result, err := b.Functions.Invoke(t.Context(), c.function, event(t, c.event))
				if err != nil {
					t.Fatal(err)
				}
				if result.Error == nil {
					t.Fatalf("it was taken: %s", result.Payload)
				}
				wantError(t, result.Error, c.want...)
			})
		}
	})
	for _, key := range b.objects("") {
		if !strings.Contains(key, "/_runs/") {
			t.Errorf("%s was written", key)
		}
	}
}

// event is a text, or a file of events/.
func event(t *testing.T, s string) []byte {
	t.Helper()
	if strings.HasPrefix(s, "{") {
		return []byte(s)
	}
	data, err := os.ReadFile(filepath.Join(root(t), "events", s))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// What was staged and then changed is not loaded.
func TestTamperedStageIsNotLoaded(t *testing.T) {
	t.Parallel()
	b := setup(t, stack.Options{Deaf: true}, "")
	var tables atomic.Int64
	for name, c := range map[string]struct {
		bend func(b *bundle, receipt *stage.Receipt)
		want string
	}{
		"part missing":   {func(b *bundle, r *stage.Receipt) { b.remove(r.Parts[1].Key) }, "is missing"},
		"part truncated": {func(b *bundle, r *stage.Receipt) { b.put(r.Parts[1].Key, b.get(r.Parts[1].Key)[1:]) }, "bytes, want"},
		"part changed": {func(b *bundle, r *stage.Receipt) {
			data := b.get(r.Parts[0].Key)
			data[0] ^= 1
			b.put(r.Parts[0].Key, data)
		}, "CRC-32C"},
		"manifest missing":        {func(b *bundle, r *stage.Receipt) { b.remove(r.Manifest) }, "not found"},
		"manifest of other parts": {func(b *bundle, r *stage.Receipt) { b.put(r.Manifest, []byte(`{"entries":[]}`)) }, "does not list the receipt's parts"},
		"total raised":            {func(_ *bundle, r *stage.Receipt) { r.Rows++ }, "add up to"},
		"rows raised everywhere":  {func(_ *bundle, r *stage.Receipt) { r.Rows++; r.Parts[0].Rows++ }, "counted another number of rows"},
		"rows lowered everywhere": {func(_ *bundle, r *stage.Receipt) { r.Rows--; r.Parts[0].Rows-- }, "counted another number of rows"},
		"checksum changed":        {func(_ *bundle, r *stage.Receipt) { r.Parts[0].CRC32C = "AAAAAA==" }, "CRC-32C"},
		"a part of another table": {func(_ *bundle, r *stage.Receipt) {
			r.Parts[0].Key = "stage/shop/public.x/20261121T003000Z-7f3a91c2/part-00000.csv"
		}, "lies elsewhere than"},
		"a column left out": {func(_ *bundle, r *stage.Receipt) { r.Columns = r.Columns[:1] }, "Load into table"},
	} {
		t.Run(name, func(t *testing.T) {
			b, table := b.on(t), "t"+strconv.Itoa(int(tables.Add(1)))
			b.exec(strings.ReplaceAll(fewRows, " t ", " "+table+" "))
			key := b.extract(`{"tables":["public.` + table + `"],"part_bytes":30000,"streams":1}`).Tables[0].Receipt
			var receipt stage.Receipt
			if err := json.Unmarshal(b.get(key), &receipt); err != nil {
				t.Fatal(err)
			}
			if len(receipt.Parts) < 2 {
				t.Fatalf("%d parts, want several", len(receipt.Parts))
			}
			c.bend(b, &receipt)
			data, err := json.Marshal(receipt)
			if err != nil {
				t.Fatal(err)
			}
			b.put(key, data)
			result, err := b.Functions.Invoke(t.Context(), "load", receiptEvent(key))
			if err != nil {
				t.Fatal(err)
			}
			if result.Error == nil {
				t.Fatalf("it was taken: %s", result.Payload)
			}
			wantError(t, result.Error, c.want)
			if got := b.count("public." + table); got != 0 {
				t.Errorf("%d rows were loaded", got)
			}
		})
	}
}

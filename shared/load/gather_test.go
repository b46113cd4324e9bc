package load

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"golang.org/x/sync/errgroup"

	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/trigger"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// routed is a bundle with routes.
func routed(t *testing.T) *bundle {
	t.Helper()
	b := setup(t)
	b.job.Routes = b.at("config/routes.json")
	b.put(b.job.Routes.Key, []byte(someRoutes))
	return b
}

// queue is what SQS delivers of objects, each in a message of its own.
func (b *bundle) queue(keys ...string) json.RawMessage {
	b.Helper()
	var records []map[string]string
	for _, key := range keys {
		records = append(records, map[string]string{
			"messageId": "m-" + key, "eventSource": "aws:sqs", "body": string(b.notification(key)),
		})
	}
	payload, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		b.Fatal(err)
	}
	return payload
}

func (b *bundle) handle(payload json.RawMessage) Answer {
	b.Helper()
	answer, err := b.job.Handle(b.Context(), payload)
	if err != nil {
		b.Fatal(err)
	}
	return answer
}

// logTo has the job log as it does in production.
func (b *bundle) logTo(w io.Writer) { b.job.Log = slog.New(slog.NewJSONHandler(w, nil)) }

// keysOf are the objects that the warehouse was asked to load, by load.
func (b *bundle) keysOf() [][]string {
	var list [][]string
	for _, l := range b.warehouse.asked {
		var keys []string
		for _, part := range l.Parts {
			keys = append(keys, part.Key)
		}
		list = append(list, keys)
	}
	return list
}

func TestSmallObjectsAreGathered(t *testing.T) {
	t.Parallel()
	b := routed(t)
	for _, key := range []string{"a", "b", "c", "d"} {
		b.put("landing/"+key, []byte("id,note\n1,x\n"))
	}
	b.put("landing/e", []byte("note,id\nx,1\n"))
	answer := b.handle(b.queue("landing/d", "landing/b", "landing/a", "landing/e", "landing/c", "landing/a"))
	if len(answer.Loads) != 3 || len(answer.Failures) != 0 {
		t.Errorf("answer %+v", answer)
	}
	want := [][]string{{"landing/a", "landing/b", "landing/c"}, {"landing/d"}, {"landing/e"}}
	if diff := cmp.Diff(want, b.keysOf()); diff != "" {
		t.Errorf("loads (-want +got):\n%s", diff)
	}
	got := b.warehouse.asked[0]
	got.Find = nil
	load := warehouse.Load{
		ID: got.ID, Run: got.Run, Source: table.Name{Schema: b.job.Bucket, Table: "landing/"},
		Target: table.Name{Schema: "raw", Table: "events"}, Mode: warehouse.Append, Filter: "objects of " + got.ID, Rows: -1, Bucket: b.job.Bucket,
		Columns:  []table.Column{{Name: "id", Type: "bigint", Nullable: true}, {Name: "note", Type: "text", Nullable: true}},
		Format:   stage.Format{Name: "csv", Compression: "none", Header: true, Null: `\N`, Delimiter: ","},
		Parts:    []warehouse.Part{{Key: "landing/a", Rows: -1, Bytes: 12}, {Key: "landing/b", Rows: -1, Bytes: 12}, {Key: "landing/c", Rows: -1, Bytes: 12}},
		Manifest: "s3://" + b.job.Bucket + "/stage/_batches/" + got.ID + "/manifest.json",
	}
	if diff := cmp.Diff(load, got); diff != "" {
		t.Errorf("load (-want +got):\n%s", diff)
	}
	if _, err := stage.ParseRunID(string(got.Run)); err != nil {
		t.Error(err)
	}
	if manifest := string(b.get("stage/_batches/" + got.ID + "/manifest.json")); strings.Count(manifest, `"mandatory": true`) != 3 {
		t.Errorf("manifest %s", manifest)
	}
}

// Messages that come again, in whatever company, load nothing twice; an object
// that was replaced is another one.
func TestObjectIsLoadedOnceInWhicheverCompany(t *testing.T) {
	t.Parallel()
	b := routed(t)
	for _, key := range []string{"a", "b", "c"} {
		b.put("landing/"+key, []byte("id\n1\n"))
	}
	b.handle(b.queue("landing/a", "landing/b"))
	b.handle(b.queue("landing/b", "landing/c"))
	b.handle(b.queue("landing/c"))
	want := [][]string{{"landing/a", "landing/b"}, {"landing/c"}}
	if diff := cmp.Diff(want, b.keysOf()); diff != "" {
		t.Errorf("loads (-want +got):\n%s", diff)
	}
	b.put("landing/a", []byte("id\n2\n"))
	b.handle(b.queue("landing/a"))
	if got := b.keysOf(); len(got) != 3 {
		t.Errorf("loads %v, want the new object too", got)
	}
}

func TestInvocationsThatMeetShareTheObjects(t *testing.T) {
	t.Parallel()
	b := routed(t)
	const many = 12
	for i := range many {
		b.put(fmt.Sprintf("landing/%02d", i), []byte("id\n1\n"))
	}
	var group errgroup.Group
	for i := range many - 2 {
		payload := b.queue(fmt.Sprintf("landing/%02d", i), fmt.Sprintf("landing/%02d", i+1), fmt.Sprintf("landing/%02d", i+2))
		group.Go(func() error {
			answer, err := b.job.Handle(b.Context(), payload)
			if len(answer.Failures) > 0 {
				err = errors.Join(err, fmt.Errorf("failures %v", answer.Failures))
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	loads := map[string]map[string]bool{}
	for _, l := range b.warehouse.asked {
		for _, part := range l.Parts {
			if loads[part.Key] == nil {
				loads[part.Key] = map[string]bool{}
			}
			loads[part.Key][l.ID] = true
		}
	}
	for key, ids := range loads {
		if len(ids) != 1 {
			t.Errorf("%s is in %d loads", key, len(ids))
		}
	}
	if len(loads) != many {
		t.Errorf("%d objects were loaded, want %d", len(loads), many)
	}
}

// One that cannot be loaded is left in the queue; the others are loaded.
func TestQueueGetsBackWhatFailed(t *testing.T) {
	t.Parallel()
	b := routed(t)
	b.put("landing/a", []byte("id\n1\n"))
	b.put("elsewhere/x", []byte("id\n1\n"))
	answer := b.handle(b.queue("landing/a", "elsewhere/x", "landing/gone"))
	want := []ItemFailure{{"m-elsewhere/x"}, {"m-landing/gone"}}
	if diff := cmp.Diff(want, answer.Failures); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([][]string{{"landing/a"}}, b.keysOf()); diff != "" {
		t.Errorf("loads (-want +got):\n%s", diff)
	}
}

// Whoever removes a batch sets its objects free.
func TestRemovedBatchClaimsNothing(t *testing.T) {
	t.Parallel()
	b := routed(t)
	b.put("landing/a", []byte("id\n1\n"))
	b.put("landing/b", []byte("id\n1\n"))
	b.warehouse.err = errors.New("landing/b cannot be parsed")
	if answer := b.handle(b.queue("landing/a", "landing/b")); len(answer.Failures) != 2 || len(b.warehouse.asked) != 1 {
		t.Errorf("answer %+v after %d loads", answer, len(b.warehouse.asked))
	}
	b.warehouse.err = nil
	b.remove("stage/_batches/" + b.warehouse.asked[0].ID + "/batch.json")
	b.warehouse.asked = nil
	b.handle(b.queue("landing/a"))
	if diff := cmp.Diff([][]string{{"landing/a"}}, b.keysOf()); diff != "" {
		t.Errorf("loads (-want +got):\n%s", diff)
	}
}

func TestManifestOfUnloadIsOneLoad(t *testing.T) {
	t.Parallel()
	b := routed(t)
	b.put("unload/0000_part_00.parquet", []byte("PAR1"))
	b.put("unload/0001_part_00.parquet", []byte("PAR1"))
	b.put("unload/manifest", []byte(`{"entries":[{"url":"s3://`+b.job.Bucket+`/unload/0000_part_00.parquet","meta":{"content_length":4}},
		{"url":"s3://`+b.job.Bucket+`/unload/0001_part_00.parquet"}],"author":{"name":"Amazon Redshift"}}`))
	for range 2 {
		b.handle(b.notification("unload/0000_part_00.parquet", "unload/manifest"))
	}
	want := [][]string{{"unload/0000_part_00.parquet", "unload/0001_part_00.parquet"}}
	if diff := cmp.Diff(want, b.keysOf()); diff != "" {
		t.Errorf("loads (-want +got):\n%s", diff)
	}
}

// JSON Lines without columns has those of its target, if there is one.
func TestLinesHaveTheColumnsOfTheirTarget(t *testing.T) {
	t.Parallel()
	b := routed(t)
	for _, key := range []string{"lines/known/a", "lines/known/b", "lines/c"} {
		b.put(key, []byte(`{"id":1}`+"\n"))
	}
	var log bytes.Buffer
	b.logTo(&log)
	answer := b.handle(b.queue("lines/known/a", "lines/known/b", "lines/c"))
	if diff := cmp.Diff([]ItemFailure{{"m-lines/c"}}, answer.Failures); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([][]string{{"lines/known/a", "lines/known/b"}}, b.keysOf()); diff != "" {
		t.Errorf("loads (-want +got):\n%s", diff)
	}
	want := "there is no table raw.unknown yet to take them from; list them in the route, or create the table first"
	if !strings.Contains(log.String(), b.url("lines/c")) || !strings.Contains(log.String(), want) {
		t.Errorf("the log does not say %q:\n%s", want, log.String())
	}
}

func TestHeaderIsRead(t *testing.T) {
	t.Parallel()
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, _ = w.Write([]byte("a;\"b;\"\"c\"\n1;2\n"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r := Route{Format: RouteFormat{Name: "csv", Compression: "gzip", Delimiter: ";", Header: true}}
	names, err := readHeader(&zipped, r)
	if diff := cmp.Diff([]string{"a", `b;"c`}, names); diff != "" || err != nil {
		t.Errorf("names (-want +got), %v:\n%s", err, diff)
	}
	r.Format.Compression = ""
	names, err = readHeader(strings.NewReader("\xef\xbb\xbfa;b\n"), r)
	if diff := cmp.Diff([]string{"a", "b"}, names); diff != "" || err != nil {
		t.Errorf("names (-want +got), %v:\n%s", err, diff)
	}
	if _, err := readHeader(strings.NewReader("a;\n"), r); err == nil {
		t.Error("a column without a name was taken")
	}
}

func TestBusIsTold(t *testing.T) {
	t.Parallel()
	var body []byte
	failing := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		if failing {
			_, _ = w.Write([]byte(`{"FailedEntryCount":1,"Entries":[{"ErrorCode":"NotAuthorized","ErrorMessage":"no"}]}`))
			return
		}
		_, _ = w.Write([]byte(`{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}`))
	}))
	t.Cleanup(server.Close)
	bus := NewBus(aws.Config{
		Region: "eu-central-1", BaseEndpoint: aws.String(server.URL),
		Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", ""),
	}, "loads")
	if err := bus.Notify(t.Context(), Loaded{LoadID: "1f", Warehouse: "snowflake", State: Failed, Error: strings.Repeat("x", 300<<10)}); err != nil {
		t.Fatal(err)
	}
	text := string(body)
	if !strings.Contains(text, `"DetailType":"Load Failed"`) || !strings.Contains(text, `\"load_id\":\"1f\",\"warehouse\":\"snowflake\"`) || len(text) > 256<<10 {
		t.Errorf("%d bytes were sent: %.300s", len(text), text)
	}
	failing = true
	wantError(t, bus.Notify(t.Context(), Loaded{LoadID: "1f"}), "telling bus loads of load 1f", "NotAuthorized")
}

// The sample of a queue's event is one.
func TestSampleOfAQueueIsRead(t *testing.T) {
	t.Parallel()
	payload, err := os.ReadFile("../../events/load-queue.json")
	if err != nil {
		t.Fatal(err)
	}
	messages, queued, err := decodeQueue(payload)
	if err != nil || !queued || len(messages) != 1 {
		t.Fatalf("messages %+v, %t, %v", messages, queued, err)
	}
	event, err := trigger.Decode([]byte(messages[0].Body))
	if err != nil || len(event.Objects) != 1 || event.Objects[0].Key != "landing/orders/2026-11-21.csv" {
		t.Errorf("event %+v, %v", event, err)
	}
}

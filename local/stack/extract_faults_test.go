package stack_test

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/stagelift/stagelift/local/s3/door"
	"github.com/stagelift/stagelift/local/stack"
	"github.com/stagelift/stagelift/shared/run"
	"github.com/stagelift/stagelift/shared/stage"
)

var noRetry = []time.Duration{}

const manyRows = `
CREATE TABLE first AS SELECT i AS id, repeat(md5(i::text), 6) AS t FROM generate_series(1, 100000) AS i;
CREATE TABLE second AS SELECT * FROM first;
CREATE TABLE small AS SELECT 1 AS n;`

// objects lists the keys below a prefix.
func (b *bundle) objects(prefix string) []string {
	b.Helper()
	var keys []string
	pages := s3.NewListObjectsV2Paginator(b.S3Client(), &s3.ListObjectsV2Input{Bucket: aws.String(stack.Bucket), Prefix: aws.String(prefix)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		for _, object := range page.Contents {
			keys = append(keys, *object.Key)
		}
	}
	return keys
}

func (b *bundle) get(key string) []byte {
	b.Helper()
	object, err := b.S3Client().GetObject(b.Context(), &s3.GetObjectInput{Bucket: aws.String(stack.Bucket), Key: aws.String(key)})
	if err != nil {
		b.Fatalf("%s: %v", key, err)
	}
	defer func() { _ = object.Body.Close() }()
	data, err := io.ReadAll(object.Body)
	if err != nil {
		b.Fatal(err)
	}
	return data
}

func (b *bundle) uploads() int {
	b.Helper()
	list, err := b.S3Client().ListMultipartUploads(b.Context(), &s3.ListMultipartUploadsInput{Bucket: aws.String(stack.Bucket)})
	if err != nil {
		b.Fatal(err)
	}
	return len(list.Uploads)
}

// wantWholeReceipts checks that every receipt there is speaks of parts that
// are there, with the rows that it says, each receipt once. It returns how many
// there are.
func (b *bundle) wantWholeReceipts() int {
	b.Helper()
	receipts := 0
	for _, key := range b.objects("stage/") {
		if !strings.HasSuffix(key, "/receipt.json") {
			continue
		}
		receipts++
		if b.whole[key] {
			continue
		}
		b.whole[key] = true
		receipt, err := stage.Layout{Prefix: "stage/"}.DecodeReceipt(key, b.get(key))
		if err != nil {
			b.Fatal(err)
		}
		for _, part := range receipt.Parts {
			data := b.get(part.Key)
			if rows := int64(strings.Count(string(data), "\n")); rows != part.Rows || int64(len(data)) != part.Bytes {
				b.Errorf("%s has %d rows in %d bytes, its receipt says %d in %d", part.Key, rows, len(data), part.Rows, part.Bytes)
			}
		}
	}
	return receipts
}

// However an extract dies, no table is half there, and the next run is whole.
func TestKilledExtractLeavesNothingHalf(t *testing.T) {
	t.Parallel()
	started := make(chan struct{}, 1)
	b := setup(t, stack.Options{Deaf: true, OnStart: func(string, string, int) { started <- struct{}{} }}, manyRows)
	const request = `{"tables":["public.*"],"streams":2,"part_bytes":12000000}`
	begin := time.Now()
	if got := len(b.extract(request).Tables); got != 3 {
		t.Fatalf("%d tables, want 3", got)
	}
	<-started
	whole := time.Since(begin)
	left := 0
	for kill := range 10 {
		done := make(chan error, 1)
		go func() {
			_, err := b.tryExtract(request)
			done <- err
		}()
		<-started
		after := rand.N(whole * 9 / 10)
		time.Sleep(after) // the random moment that the test is about
		before := b.wantWholeReceipts()
		b.Functions.Kill("extract")
		if err := <-done; err != nil {
			wantError(t, err, "Runtime.ExitError")
		}
		if got := b.wantWholeReceipts(); got < before {
			t.Errorf("kill %d: %d receipts, %d before", kill, got, before)
		}
		left = max(left, b.uploads())
	}
	t.Logf("at most %d uploads were left unfinished", left)
	answer := b.cleanUp(request)
	if len(answer.Tables) != 3 {
		t.Errorf("the next run has %d tables, want 3", len(answer.Tables))
	}
	b.wantWholeReceipts()
	if got := b.uploads(); got != 0 {
		t.Errorf("%d uploads are left after the next run", got)
	}
}

// cleanUp runs extract so that it takes every unfinished upload for a dead
// run's, as it would 20 minutes later.
func (b *bundle) cleanUp(request string) run.Answer {
	b.Helper()
	result, err := b.InvokeAs(b.Context(), "extract", []string{"STALE_UPLOAD_AGE=0s"}, []byte(request))
	if err != nil {
		b.Fatal(err)
	}
	if result.Error != nil {
		b.Fatal(result.Error)
	}
	var answer run.Answer
	if err := json.Unmarshal(result.Payload, &answer); err != nil {
		b.Fatal(err)
	}
	return answer
}

// A connection that breaks in the middle of a COPY is replaced, and what was read
// over it is read again.
func TestConnectionThatBreaksIsReplaced(t *testing.T) {
	t.Parallel()
	b := setup(t, stack.Options{Deaf: true}, manyRows)
	b.RDS.CutAfter(7 << 20)
	answer := b.extract(`{"tables":["public.first"],"streams":1}`)
	if got := b.wantWholeReceipts(); got != 1 || answer.Tables[0].Outcome != run.Published {
		t.Errorf("%d receipts, %+v", got, answer.Tables)
	}
	if !strings.Contains(b.said.functions.String(), "a read was cancelled, and starts again") {
		t.Error("nothing broke")
	}
	if got := b.uploads(); got != 0 {
		t.Errorf("%d uploads are left, although the function could end them", got)
	}
}

// Bursts of 500 and 503, as S3 has them, cost time and nothing else.
func TestBurstsOfS3ErrorsAreSurvived(t *testing.T) {
	t.Parallel()
	var count atomic.Int64
	fault := func(*http.Request) *door.Failure {
		switch n := count.Add(1); {
		case n%9 < 2:
			return &door.Failure{Status: http.StatusServiceUnavailable}
		case n%9 == 4:
			return &door.Failure{Status: http.StatusInternalServerError}
		}
		return nil
	}
	b := setup(t, stack.Options{
		S3Endpoint: func(endpoint string) (string, error) { return openDoor(t, endpoint, fault) },
	}, manyRows)
	b.extract(`{"tables":["public.*"],"part_bytes":9000000}`)
	b.await()
	b.wantEqual("public.first", "public.second", "public.small")
	if got := b.uploads(); got != 0 {
		t.Errorf("%d uploads are left", got)
	}
}

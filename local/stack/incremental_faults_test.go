package stack_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/stagelift/stagelift/local/stack"
	"github.com/stagelift/stagelift/shared/stage"
)

// However often incremental runs die, the receipts that they leave hold every
// row once: what a dead run published is not published again, and what it did
// not publish comes with the next.
func TestKilledIncrementalRunsNeitherLoseNorRepeatRows(t *testing.T) {
	t.Parallel()
	started := make(chan struct{}, 1)
	b := setup(t, stack.Options{Deaf: true, OnStart: func(string, string, int) {
		select {
		case started <- struct{}{}:
		default:
		}
	}}, `CREATE TABLE moves (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, t text)`)
	for _, format := range []string{"csv", "jsonl", "parquet"} {
		request := fmt.Sprintf(`{"tables":["public.moves"],"mode":"incremental","format":%q,"part_bytes":200000,
			"overrides":{"public.moves":{"cursor":{"column":"id"}}}}`, format)
		for range 6 {
			b.exec("INSERT INTO moves (t) SELECT repeat(md5(i::text), 4) FROM generate_series(1, 4000) AS i")
			b.killed(request, started)
		}
		b.cleanUp(request)
	}
	seen := map[string]int{}
	receipts := 0
	for _, key := range b.objects("stage/") {
		if strings.HasSuffix(key, "/receipt.json") {
			receipts++
			b.countIDs(key, seen)
		}
	}
	var rows int
	if err := b.source.QueryRow(b.Context(), "SELECT count(*) FROM moves").Scan(&rows); err != nil {
		t.Fatal(err)
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("row %s is there %d times", id, n)
		}
	}
	if len(seen) != rows {
		t.Errorf("%d receipts hold %d rows, the table has %d", receipts, len(seen), rows)
	}
}

// killed runs a request and kills the function somewhere on its way.
func (b *bundle) killed(request string, started <-chan struct{}) {
	b.Helper()
	done := make(chan error, 1)
	b.Functions.Kill("extract") // so that the next one starts, and says so
	go func() {
		_, err := b.tryExtract(request)
		done <- err
	}()
	<-started
	time.Sleep(rand.N(400 * time.Millisecond)) // the random moment that the test is about
	b.Functions.Kill("extract")
	if err := <-done; err != nil && !strings.Contains(err.Error(), "or died doing so") {
		wantError(b.T, err, "Runtime.ExitError")
	}
}

// countIDs counts the rows of a receipt's parts by their first column.
func (b *bundle) countIDs(receiptKey string, seen map[string]int) {
	b.Helper()
	receipt, err := stage.Layout{Prefix: "stage/"}.DecodeReceipt(receiptKey, b.get(receiptKey))
	if err != nil {
		b.Fatal(err)
	}
	for _, part := range receipt.Parts {
		data := b.get(part.Key)
		if receipt.Format.Name != "parquet" {
			for line := range bytes.Lines(data) {
				id, _, _ := strings.Cut(strings.TrimPrefix(string(line), `{"id":`), ",")
				seen[id]++
			}
			continue
		}
		rows := make([]parquet.Row, part.Rows)
		if n, err := parquet.NewReader(bytes.NewReader(data)).ReadRows(rows); int64(n) != part.Rows {
			b.Fatalf("%s: %d rows, want %d: %v", part.Key, n, part.Rows, err)
		}
		for _, row := range rows {
			seen[row[0].String()]++
		}
	}
}

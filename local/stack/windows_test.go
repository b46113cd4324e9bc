package stack_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stagelift/stagelift/local/compare"
	"github.com/stagelift/stagelift/local/stack"
	"github.com/stagelift/stagelift/shared/table"
)

// Windows that were given up, because they came before the one in front of them,
// are in both warehouses as soon as that one is: nobody sends them again.
func TestWindowsThatWereGivenUpFollowTheOneInFront(t *testing.T) {
	t.Parallel()
	b := setupBoth(t, stack.Options{Deaf: true}, `
		CREATE SEQUENCE versions;
		CREATE TABLE moves (id bigint PRIMARY KEY, v bigint NOT NULL DEFAULT nextval('versions'), t text);
		ALTER SEQUENCE versions OWNED BY moves.v`)
	var receipts []string
	for _, change := range []string{
		"INSERT INTO moves (id, t) SELECT i, 'row ' || i FROM generate_series(1, 3000) AS i",
		"UPDATE moves SET v = nextval('versions'), t = t || ' again' WHERE id % 3 = 0",
		"UPDATE moves SET v = nextval('versions'), t = NULL WHERE id % 5 = 0; INSERT INTO moves (id, t) VALUES (4000, 'last')",
	} {
		b.exec(change)
		answer := b.extract(`{"tables":["public.moves"],"mode":"incremental","load":{"mode":"merge"},
			"overrides":{"public.moves":{"cursor":{"column":"v"}}}}`)
		receipts = append(receipts, answer.Tables[0].Receipt)
	}
	functions := []string{"load", stack.LoadSnowflake}
	for _, receipt := range []string{receipts[2], receipts[1]} {
		b.deliverTo(receipt, functions)
	}
	given := b.DeadLetters()
	for _, letter := range given {
		wantError(t, letter.Error, "an earlier run of this table is not loaded yet")
	}
	if len(given) != 4 {
		t.Fatalf("%d events were given up, want two of each function", len(given))
	}
	b.deliverTo(receipts[0], functions)
	if more := len(b.DeadLetters()) - len(given); more != 0 {
		t.Errorf("%d events more were given up", more)
	}
	b.wantLoads("public.moves", 3)
	// What was given up may be sent again, as an operator would.
	for _, receipt := range receipts {
		b.deliverTo(receipt, functions)
	}
	b.wantLoads("public.moves", 3)
	for key := range slices.Values(b.objects("stage/shop/_loads/")) {
		if text := string(b.get(key)); !strings.Contains(text, `"state": "loaded"`) {
			t.Errorf("%s: %s", key, text)
		}
	}
}

// deliverTo hands functions the event of a receipt and waits for what comes of it.
func (b *both) deliverTo(receipt string, functions []string) {
	b.Helper()
	for _, function := range functions {
		if err := b.Functions.InvokeAsync(function, receiptEvent(receipt)); err != nil {
			b.Fatal(err)
		}
	}
	if err := b.Idle(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// wantLoads checks that either warehouse holds what the source holds, by so many
// loads.
func (b *both) wantLoads(text string, loads int) {
	b.Helper()
	b.wantEqual(text)
	name, err := table.ParseName(text)
	if err != nil {
		b.Fatal(err)
	}
	source, err := compare.Read(b.Context(), b.source, name)
	if err != nil {
		b.Fatal(err)
	}
	result, err := source.Snowflake(b.Context(), b.snowflake)
	if err != nil || !result.Equal {
		b.Errorf("%s: %d rows in the source, %d in Snowflake, not equal, %v", name, result.SourceRows, result.LoadedRows, err)
	}
	if got := b.count(`stagelift."` + text + `" WHERE load_id <> ''`); got != loads {
		b.Errorf("%d entries in Redshift's ledger, want %d", got, loads)
	}
	var got int
	ledger := table.Name{Schema: stack.SnowflakeLedger, Table: text}.SQL()
	if err := b.snowflake.QueryRow(b.Context(), `SELECT count(*) FROM `+ledger+` WHERE "LOAD_ID" <> ''`).Scan(&got); err != nil || got != loads {
		b.Errorf("%d entries in Snowflake's ledger, want %d, %v", got, loads, err)
	}
}

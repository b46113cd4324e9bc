package stack_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stagelift/stagelift/local/stack"
)

const fewRows = `CREATE TABLE t (n int, s text); INSERT INTO t SELECT i, 'row ' || i FROM generate_series(1, 5000) AS i`

// wantOnce checks that the rows and the ledger's entry are there exactly once.
func (b *bundle) wantOnce(table string) {
	b.Helper()
	b.wantEqual("public." + table)
	if got := b.count(`stagelift."public.` + table + `" WHERE load_id <> ''`); got != 1 {
		b.Errorf("%d rows in the ledger, want 1", got)
	}
}

// moments are the statements of a load before which something goes wrong; %s
// is the table.
var moments = map[string]string{
	"creating the table":  `CREATE TABLE IF NOT EXISTS "public"."%s"`,
	"creating the ledger": `CREATE TABLE IF NOT EXISTS "stagelift"."public.%s"`,
	"the lock":            `LOCK TABLE "stagelift"."public.%s"`,
	"COPY":                "COPY ",
	"the count":           "SELECT 1 / CASE WHEN COUNT(*) = 5000",
	"the append":          `INSERT INTO "public"."%s"`,
	"the ledger's entry":  `INSERT INTO "stagelift"."public.%s"`,
}

// faults is a hook of the warehouse that strikes once before each moment.
type faults struct {
	mu     sync.Mutex
	prefix string
	strike func() error
	struck int
}

func (f *faults) before(_ context.Context, _ string, _ int, sql string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.prefix == "" || !strings.HasPrefix(sql, f.prefix) {
		return nil
	}
	f.prefix = ""
	f.struck++
	return f.strike()
}

func (f *faults) arm(prefix string, strike func() error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.prefix, f.strike, f.struck = prefix, strike, 0
}

// Whether the function is killed in the middle of the transaction, which then
// goes on without it, or the warehouse breaks the connection and rolls back:
// the retry finds every row to be there once, or brings it.
func TestInterruptedLoadLoadsOnce(t *testing.T) {
	t.Parallel()
	var f faults
	b := setup(t, stack.Options{BeforeStatement: f.before}, "")
	tables := 0
	for name, moment := range moments {
		for how, strike := range map[string]func() error{
			"function killed":   func() error { b.Functions.Kill("load"); return nil },
			"warehouse crashed": func() error { return errors.New("the leader node restarts") },
		} {
			t.Run(how+" before "+name, func(t *testing.T) {
				b := b.on(t)
				tables++
				table := "t" + strconv.Itoa(tables)
				f.arm(strings.ReplaceAll(moment, "%s", table), strike)
				b.exec(strings.ReplaceAll(fewRows, " t ", " "+table+" "))
				b.extract(`{"tables":["public.` + table + `"]}`)
				b.await()
				b.wantOnce(table)
				if f.struck != 1 {
					t.Errorf("it struck %d times", f.struck)
				}
			})
		}
	}
}

// Deliveries that meet in the middle, and one long after, load once. The first
// is held before its COPY until another one is there.
func TestManyDeliveriesLoadOnce(t *testing.T) {
	t.Parallel()
	var started atomic.Int32
	second := make(chan struct{})
	b := setup(t, stack.Options{
		Deaf: true,
		OnStart: func(function, _ string, _ int) {
			if function == "load" && started.Add(1) == 2 {
				close(second)
			}
		},
		BeforeStatement: func(ctx context.Context, _ string, _ int, sql string) error {
			if strings.HasPrefix(sql, "COPY ") {
				select {
				case <-second:
				case <-ctx.Done():
				}
			}
			return nil
		},
	}, fewRows)
	receipt := b.extract(`{"tables":["public.t"]}`).Tables[0].Receipt
	for range 4 {
		b.deliver(receipt)
	}
	b.await()
	b.deliver(receipt)
	b.await()
	b.wantOnce("t")
	if got := len(b.objects("stage/shop/_loads/")); got != 1 {
		t.Errorf("%d outcomes in _loads/, want 1", got)
	}
}

package stack_test

import (
	"encoding/json"
	"path"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/local/compare"
	"github.com/stagelift/stagelift/local/stack"
	"github.com/stagelift/stagelift/shared/load"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// both is a bundle whose receipts are loaded into two warehouses.
type both struct {
	*bundle
	snowflake *pgx.Conn
}

func setupBoth(t *testing.T, o stack.Options, sql string) *both {
	t.Helper()
	o.Snowflake = true
	b := setup(t, o, sql)
	return &both{b, connect(t, b.SnowflakeURL)}
}

// wantInBoth checks that either warehouse holds what the source holds, and has
// one entry in the table's ledger.
func (b *both) wantInBoth(names ...string) {
	b.Helper()
	b.wantEqual(names...)
	for _, text := range names {
		name, err := table.ParseName(text)
		if err != nil {
			b.Fatal(err)
		}
		source, err := compare.Read(b.Context(), b.source, name)
		if err != nil {
			b.Error(err)
			continue
		}
		result, err := source.Snowflake(b.Context(), b.snowflake)
		if err != nil {
			b.Error(err)
			continue
		}
		if !result.Equal {
			b.Errorf("%s: %d rows in the source, %d in Snowflake, not equal", name, result.SourceRows, result.LoadedRows)
		}
		var got int
		ledger := table.Name{Schema: stack.SnowflakeLedger, Table: name.String()}.SQL()
		if err := b.snowflake.QueryRow(b.Context(), `SELECT count(*) FROM `+ledger+` WHERE "LOAD_ID" <> ''`).Scan(&got); err != nil {
			b.Fatal(err)
		}
		if got != 1 {
			b.Errorf("%s: %d rows in Snowflake's ledger, want 1", name, got)
		}
	}
}

// One receipt wakes two functions, and each loads it once although every event
// is delivered twice, and once more long after.
func TestTablesTravelIntoBoth(t *testing.T) {
	t.Parallel()
	// Redshift reads no TIME from Parquet.
	b := setupBoth(t, stack.Options{Duplicate: true}, everything+`; ALTER TABLE "Every Type" DROP COLUMN tm`)
	answer := b.extract(`{"tables":["public.*"],"format":"parquet"}`)
	b.await()
	b.wantInBoth(everyTable...)
	for _, function := range []string{"load", stack.LoadSnowflake} {
		result, err := b.Functions.Invoke(t.Context(), function, receiptEvent(answer.Tables[0].Receipt))
		if err != nil {
			t.Fatal(err)
		}
		var answer load.Answer
		if err := json.Unmarshal(result.Payload, &answer); err != nil || result.Error != nil {
			t.Fatalf("%s answered %s: %v, %v", function, result.Payload, result.Error, err)
		}
		if len(answer.Loads) != 1 || answer.Loads[0].State != warehouse.AlreadyLoaded {
			t.Errorf("%s did not know a second delivery: %s", function, result.Payload)
		}
	}
	b.wantInBoth(everyTable...)
	kept := map[string]int{}
	for _, key := range b.objects("stage/") {
		if before, _, found := strings.Cut(key, "_loads/"); found {
			kept[strings.TrimPrefix(path.Dir(key), before)]++
		}
	}
	if want := len(everyTable); kept["_loads"] != want || kept["_loads/snowflake"] != want {
		t.Errorf("outcomes kept: %v, want %d in _loads and in _loads/snowflake", kept, want)
	}
}

// Both functions are killed in the middle of their transactions, and the
// retries find every row to be there once, or bring it.
func TestBothKilledLoadOnce(t *testing.T) {
	t.Parallel()
	var redshift, snowflake faults
	b := setupBoth(t, stack.Options{BeforeStatement: redshift.before, BeforeSnowflakeStatement: snowflake.before}, "")
	for table, moment := range map[string][2]string{
		"before_the_copy":   {"COPY ", "COPY INTO "},
		"before_the_append": {`INSERT INTO "public"."%s"`, `INSERT INTO "public"."%s"`},
		"before_the_end":    {`INSERT INTO "stagelift"."public.%s"`, "COMMIT"},
	} {
		t.Run(table, func(t *testing.T) {
			b := &both{b.on(t), b.snowflake}
			redshift.arm(strings.ReplaceAll(moment[0], "%s", table), func() error { b.Functions.Kill("load"); return nil })
			snowflake.arm(strings.ReplaceAll(moment[1], "%s", table), func() error { b.Functions.Kill(stack.LoadSnowflake); return nil })
			b.exec(strings.ReplaceAll(fewRows, " t ", " "+table+" "))
			b.extract(`{"tables":["public.` + table + `"]}`)
			b.await()
			b.wantOnce(table)
			b.wantInBoth("public." + table)
			if redshift.struck != 1 || snowflake.struck != 1 {
				t.Errorf("it struck %d times in Redshift, %d in Snowflake", redshift.struck, snowflake.struck)
			}
		})
	}
}

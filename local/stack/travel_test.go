package stack_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/stack"
)

// everything is tables of every kind that this far is read, with the values
// that are hard to carry.
const everything = `
CREATE TYPE mood AS ENUM ('good', 'so, so', '"bad"');
CREATE DOMAIN percent AS numeric(5,2);
CREATE TABLE "Every Type" (
  i2 smallint, i4 int, i8 bigint, f4 real, f8 float8, n numeric(20,5), free numeric, b boolean,
  v varchar(10), t text, u uuid, d date, tm time, ts timestamp, tz timestamptz,
  j jsonb, x bytea, m mood, p percent, a text[], ip inet, iv interval, "quoted ""name""" text);
INSERT INTO "Every Type" VALUES
  (-32768, -2147483648, -9223372036854775808, '-3.4028235e38', '2.2250738585072014e-308', -12345678901234.56789,
   123456789012345678901234567890.123456789, true, 'ärger', E'a\nb\r\n"c",\\N\t,', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
   '0001-01-01', '23:59:59.999999', '9999-12-31 23:59:59.999999', '2026-11-21 01:02:03.456789+05:30',
   '{"k": [1, "two", null, {"x": 1.50}]}', '\x00ff', 'so, so', 99.99, '{"a,b",NULL,"c\"d"}', '10.1.2.0/24', '1 year -2 days 03:04:05.6', 'q'),
  (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (32767, 2147483647, 9223372036854775807, 1e-45, '-0', 0, 'NaN', false, '', '', NULL, '1970-01-01', '00:00', '1970-01-01', '1970-01-01 00:00+00',
   '""', '\xff', '"bad"', 0, '{}', '::1', '0', '\N');
CREATE TABLE many (id int PRIMARY KEY, name text, note text);
INSERT INTO many SELECT i, 'name ' || i, CASE i % 3 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE '名前 ' || i END FROM generate_series(1, 50000) AS i;
CREATE TABLE events (id int, at date) PARTITION BY RANGE (at);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-07-01') TO ('2027-01-01');
INSERT INTO events SELECT i, date '2026-01-01' + i % 365 FROM generate_series(1, 3000) AS i;
CREATE TABLE nothing (id int);
CREATE TABLE lone (words text);
INSERT INTO lone VALUES (''), (NULL), ('x'), ('');
CREATE TABLE "a.b/c d%2Be+f'g*" ("select" int);
INSERT INTO "a.b/c d%2Be+f'g*" VALUES (1);
`

var everyTable = []string{
	`public."Every Type"`, "public.many", "public.events", "public.nothing", "public.lone", `public."a.b/c d%2Be+f'g*"`,
}

// A table travels the whole way through the built functions, and arrives once
// although every event is delivered twice.
func TestTablesTravel(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]string{
		"plain":              `"streams":1`,
		"gzip, small parts":  `"compression":"gzip","part_bytes":50000,"streams":3`,
		"header, two parts":  `"header":true,"part_bytes":800000`,
		"gzip with a header": `"compression":"gzip","header":true`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, stack.Options{Duplicate: true}, everything)
			answer := b.extract(`{"tables":["public.*"],` + options + `}`)
			b.await()
			b.wantEqual(everyTable...)
			got := map[string]int64{}
			for _, table := range answer.Tables {
				got[table.Table] = table.Rows
			}
			want := map[string]int64{
				`public."Every Type"`: 3, "public.many": 50000, "public.events": 3000, "public.nothing": 0,
				"public.lone": 4, `public."a.b/c d%2Be+f'g*"`: 1,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("rows in the answer (-want +got):\n%s", diff)
			}
			if answer.Database != stack.Database || len(answer.Remaining) != 0 || answer.Snapshot.LSN == "" {
				t.Errorf("answer is %+v", answer)
			}
		})
	}
}

// A run appends by word; a table that got new rows has both runs' rows.
func TestRunsAppendByWord(t *testing.T) {
	t.Parallel()
	b := setup(t, stack.Options{}, `CREATE TABLE t (n int); INSERT INTO t SELECT generate_series(1, 10)`)
	first := b.extract(`{"tables":["public.t"],"load":{"mode":"append"}}`)
	b.await()
	b.exec(`INSERT INTO t VALUES (11)`)
	second := b.extract(`{"tables":["public.t"],"load":{"mode":"append"}}`)
	b.await()
	if got := b.count("public.t"); got != 21 {
		t.Errorf("%d rows, want 10 and 11", got)
	}
	if got := b.count(`stagelift."public.t" WHERE load_id <> ''`); got != 2 {
		t.Errorf("%d rows in the ledger, want 2", got)
	}
	if first.Run >= second.Run {
		t.Errorf("run %s should sort before %s", first.Run, second.Run)
	}
}

// Two source tables that Redshift would take for one must not mix.
func TestNamesThatFoldIntoOneAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, stack.Options{RetryDelays: noRetry}, `CREATE TABLE t (n int); INSERT INTO t VALUES (1); CREATE TABLE "T" (n int); INSERT INTO "T" VALUES (2)`)
	b.extract(`{"tables":["public.*"]}`)
	if err := b.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	letters := b.DeadLetters()
	if len(letters) != 1 || !strings.Contains(fmt.Sprint(letters[0].Error), "fed from another source table") {
		t.Errorf("dead letters: %+v", letters)
	}
	if got := b.count("public.t"); got != 1 {
		t.Errorf("%d rows, want those of one source", got)
	}
}

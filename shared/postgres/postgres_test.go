package postgres_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/local/pgserver/pgtest"
	"github.com/stagelift/stagelift/local/rds"
	"github.com/stagelift/stagelift/local/rds/rdstest"
	"github.com/stagelift/stagelift/shared/postgres"
	"github.com/stagelift/stagelift/shared/table"
)

// bundle is a database of the test's own and a superuser in it.
type bundle struct {
	*testing.T
	instance *rds.Instance
	admin    *pgx.Conn
	config   postgres.Config
}

func setup(t *testing.T) *bundle {
	t.Helper()
	return setupOn(t, rdstest.Shared(t))
}

func setupOn(t *testing.T, instance *rds.Instance) *bundle {
	t.Helper()
	admin, err := pgx.Connect(t.Context(), instance.AdminURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = admin.Close(context.WithoutCancel(t.Context())) })
	return &bundle{T: t, instance: instance, admin: admin, config: config(t, instance)}
}

// config is how the instance is read.
func config(tb testing.TB, instance *rds.Instance) postgres.Config {
	tb.Helper()
	roots, err := postgres.RootCAs(instance.CAFile())
	if err != nil {
		tb.Fatal(err)
	}
	return postgres.Config{
		Host: instance.Host(), Port: instance.Port(), Database: instance.Database(), User: instance.User(),
		Region: rdstest.Region, RootCAs: roots,
		Credentials: credentials.NewStaticCredentialsProvider(rdstest.AccessKey, rdstest.SecretKey, ""),
	}
}

// lacks is pgtest.Lacks.
func (b *bundle) lacks(since int, statement string) bool {
	b.Helper()
	return pgtest.Lacks(b.T, b.admin.PgConn(), since, statement)
}

// byRanges reports whether the server reads a range of blocks by itself; before
// version 14 a table is one span.
func (b *bundle) byRanges() bool { return pgtest.Major(b.T, b.admin.PgConn()) >= 14 }

func (b *bundle) exec(sql string) {
	b.Helper()
	if _, err := b.admin.PgConn().Exec(b.Context(), sql).ReadAll(); err != nil {
		b.Fatalf("%s: %v", sql, err)
	}
}

// snapshot is one of the tables that the patterns select, none of which may be
// refused.
func (b *bundle) snapshot(include ...string) *postgres.Snapshot {
	b.Helper()
	snapshot, err := b.try(postgres.Options{Selection: postgres.Selection{Include: patterns(b.T, include...)}})
	if err != nil {
		b.Fatal(err)
	}
	if err := refused(snapshot); err != nil {
		b.Fatal(err)
	}
	return snapshot
}

// refused are what a snapshot refuses, as one error.
func refused(s *postgres.Snapshot) error {
	var problems []error
	for _, r := range s.Refused {
		problems = append(problems, r.Err)
	}
	return errors.Join(problems...)
}

// refusal is why a selection cannot be read.
func (b *bundle) refusal(selection postgres.Selection) error {
	b.Helper()
	snapshot, err := b.try(postgres.Options{Selection: selection})
	if err != nil {
		return err
	}
	return refused(snapshot)
}

// tables are those of a snapshot with these names, or all by their names.
func (b *bundle) tables(s *postgres.Snapshot, names ...string) []*postgres.Table {
	b.Helper()
	list := slices.SortedFunc(slices.Values(s.Tables), func(x, y *postgres.Table) int { return x.Name.Compare(y.Name) })
	if len(names) == 0 {
		return list
	}
	var found []*postgres.Table
	for _, name := range names {
		i := slices.IndexFunc(list, func(t *postgres.Table) bool { return t.Name.String() == name })
		if i < 0 {
			b.Fatalf("the snapshot has no table %s", name)
		}
		found = append(found, list[i])
	}
	return found
}

// spans cuts a table into spans of so many blocks; 0 is not at all.
func spans(t *postgres.Table, target int64) []postgres.Span {
	var list []postgres.Span
	for i := range t.Relations {
		r := &t.Relations[i]
		if !r.ByBlock || target == 0 {
			list = append(list, postgres.Span{Relation: r})
			continue
		}
		for from := int64(0); from == 0 || from < r.Blocks; from += target {
			s := postgres.Span{Relation: r, From: from, To: from + target}
			if s.To >= r.Blocks {
				s.To = 0
			}
			list = append(list, s)
		}
	}
	return list
}

func patterns(t testing.TB, list ...string) []table.Pattern {
	t.Helper()
	p, err := table.ParsePatterns(list)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestStreamsSeeOneMoment(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(`CREATE TABLE numbers (n int); INSERT INTO numbers SELECT generate_series(1, 20000)`)
	snapshot := b.snapshot("public.numbers")
	tables := b.tables(snapshot)
	b.exec(`UPDATE numbers SET n = -n WHERE n % 2 = 0; DELETE FROM numbers WHERE n % 3 = 0; INSERT INTO numbers SELECT generate_series(20001, 30000)`)
	cut := spans(tables[0], 7)
	if b.byRanges() != (len(cut) >= 4) {
		t.Fatalf("%d spans, want several, before version 14 one", len(cut))
	}
	half := len(cut) / 2
	got := slices.Concat(b.read(snapshot, tables[0], cut[half:]), b.read(snapshot, tables[0], cut[:half]))
	slices.Sort(got)
	var want []string
	for i := range 20000 {
		want = append(want, fmt.Sprintf("%d\n", i+1))
	}
	for i, line := range want {
		want[i] = `"` + strings.TrimSuffix(line, "\n") + "\"\n" // a lone column is quoted
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%.2000s", diff)
	}
}

func TestTableIsDescribed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(`
		CREATE TYPE mood AS ENUM ('good');
		CREATE DOMAIN percent AS numeric(5,2) CHECK (VALUE >= 0);
		CREATE DOMAIN share AS percent;
		CREATE TABLE "Order Items" (
			gone int, "Order Id" bigint, line smallint, title varchar(20) NOT NULL, feeling mood, cut share, tags text[],
			double int GENERATED ALWAYS AS (line * 2) STORED, at timestamptz(3),
			PRIMARY KEY (line, "Order Id"));
		ALTER TABLE "Order Items" DROP COLUMN gone;
		INSERT INTO "Order Items" VALUES (1, 2, 'a,b', 'good', 12.5, '{x,NULL}', DEFAULT, '2026-11-21 01:02:03.4567+01');`)
	snapshot := b.snapshot(`public."Order Items"`)
	tables := b.tables(snapshot)
	want := []table.Column{
		{Name: "Order Id", Type: "bigint"},
		{Name: "line", Type: "smallint"},
		{Name: "title", Type: "character varying(20)"},
		{Name: "feeling", Type: "public.mood", Kind: "enum", Nullable: true},
		{Name: "cut", Type: "numeric(5,2)", Nullable: true},
		{Name: "tags", Type: "text[]", Nullable: true},
		{Name: "double", Type: "integer", Nullable: true},
		{Name: "at", Type: "timestamp(3) with time zone", Nullable: true},
	}
	if diff := cmp.Diff(want, tables[0].Columns); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"line", "Order Id"}, tables[0].PrimaryKey); diff != "" {
		t.Errorf("primary key (-want +got):\n%s", diff)
	}
	rows := b.read(snapshot, tables[0], spans(tables[0], 100))
	if diff := cmp.Diff([]string{"1,2,\"a,b\",good,12.50,\"[\"\"x\"\",null]\",4,2026-11-21 00:02:03.457+00\n"}, rows); diff != "" {
		t.Errorf("row (-want +got):\n%s", diff)
	}
	if snapshot.ID == "" || snapshot.LSN == "" || time.Since(snapshot.At) > time.Minute {
		t.Errorf("snapshot is %q at %q, %s", snapshot.ID, snapshot.LSN, snapshot.At)
	}
}

// Whatever the user's defaults are, values print as they must.
func TestSessionSettingsAreOurs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(fmt.Sprintf(`
		ALTER ROLE %[1]s IN DATABASE %[2]s SET DateStyle = 'German, DMY';
		ALTER ROLE %[1]s IN DATABASE %[2]s SET TimeZone = 'Asia/Tokyo';
		ALTER ROLE %[1]s IN DATABASE %[2]s SET bytea_output = 'escape';
		ALTER ROLE %[1]s IN DATABASE %[2]s SET IntervalStyle = 'sql_standard';
		ALTER ROLE %[1]s IN DATABASE %[2]s SET extra_float_digits = -10;
		ALTER ROLE %[1]s IN DATABASE %[2]s SET statement_timeout = '1ms';
		ALTER ROLE %[1]s IN DATABASE %[2]s SET standard_conforming_strings = off;
		CREATE TABLE odd (d date, at timestamptz, b bytea, i interval, f float8, n text, e text);
		INSERT INTO odd VALUES ('2026-02-01', '2026-02-01 12:00+00', '\xdeadbeef', '-1 day 02:00', 0.1::float8 + 0.2, NULL, '\N');
		INSERT INTO odd VALUES ('infinity', '-infinity', '', '0', 'NaN', '', E'a\r\n"b"');`,
		pgx.Identifier{b.instance.User()}.Sanitize(), pgx.Identifier{b.instance.Database()}.Sanitize()))
	snapshot := b.snapshot("public.odd")
	tables := b.tables(snapshot)
	want := []string{
		"2026-02-01,2026-02-01 12:00:00+00,deadbeef,-1 days +02:00:00,0.30000000000000004,\\N,\"\\N\"\n",
		"infinity,-infinity,,00:00:00,NaN,,\"a\r\n\"\"b\"\"\"\n",
	}
	if diff := cmp.Diff(want, b.read(snapshot, tables[0], spans(tables[0], 1))); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestPartitionsAreReadThroughTheirTable(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(`
		CREATE TABLE events (id int, at date) PARTITION BY RANGE (at);
		CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
		CREATE TABLE events_rest PARTITION OF events DEFAULT PARTITION BY LIST (id);
		CREATE TABLE other_order (at date, gone int, id int);
		ALTER TABLE other_order DROP COLUMN gone;
		ALTER TABLE events_rest ATTACH PARTITION other_order DEFAULT;
		CREATE TABLE no_partitions (id int) PARTITION BY HASH (id);
		CREATE TABLE parent (id int); CREATE TABLE child () INHERITS (parent);
		INSERT INTO events VALUES (1, '2026-01-05'), (2, '2026-07-01'); INSERT INTO parent VALUES (10); INSERT INTO child VALUES (20);`)
	snapshot := b.snapshot("public.*")
	b.exec(`CREATE TABLE late (id int, at date); INSERT INTO late VALUES (9, '2025-01-01')`)
	got := map[string][]string{}
	for _, found := range b.tables(snapshot) {
		got[found.Name.String()] = b.read(snapshot, found, spans(found, 10))
	}
	want := map[string][]string{
		"public.events":        {"1,2026-01-05\n", "2,2026-07-01\n"},
		"public.no_partitions": nil,
		"public.parent":        {"\"10\"\n"},
		"public.child":         {"\"20\"\n"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows by table (-want +got):\n%s", diff)
	}
}

func TestViewsAreReadWhenNamed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(`CREATE TABLE t (n int); INSERT INTO t VALUES (1); CREATE VIEW v AS SELECT n, n * 2 AS twice FROM t;
		CREATE MATERIALIZED VIEW m AS SELECT n, n * 3 AS thrice FROM t`)
	snapshot := b.snapshot("public.v", "public.m")
	for name, want := range map[string]string{"public.v": "1,2\n", "public.m": "1,3\n"} {
		tables := b.tables(snapshot, name)
		if diff := cmp.Diff([]string{want}, b.read(snapshot, tables[0], spans(tables[0], 1))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestTruncateWaitsForTheSnapshot(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(`CREATE TABLE t (n int); INSERT INTO t VALUES (1)`)
	snapshot := b.snapshot("public.t")
	tables := b.tables(snapshot)
	b.exec(`SET lock_timeout = '100ms'`)
	if _, err := b.admin.Exec(t.Context(), `TRUNCATE t`); err == nil {
		t.Error("the table could be truncated under the snapshot")
	}
	b.exec(`INSERT INTO t VALUES (2)`) // writers go on
	if got := b.read(snapshot, tables[0], spans(tables[0], 1)); len(got) != 1 {
		t.Errorf("read %q, want the one row", got)
	}
}

func TestUnreadableTablesAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := pgx.Identifier{b.instance.User()}.Sanitize()
	b.exec(`CREATE SCHEMA hidden; CREATE TABLE hidden.t (n int); CREATE TABLE secret (n int); CREATE TABLE filtered (n int);
		CREATE TABLE parts (n int) PARTITION BY RANGE (n); CREATE TABLE parts_1 PARTITION OF parts DEFAULT;
		REVOKE ALL ON SCHEMA hidden FROM ` + user + `; REVOKE ALL ON secret, parts_1 FROM ` + user + `;
		ALTER TABLE filtered ENABLE ROW LEVEL SECURITY`)
	for pattern, want := range map[string]string{
		"hidden.t":        `GRANT USAGE ON SCHEMA "hidden" TO ` + user,
		"public.secret":   `GRANT SELECT ON "public"."secret" TO ` + user,
		"public.parts":    `GRANT SELECT ON "public"."parts_1" TO ` + user,
		"public.filtered": "row-level security would hide rows",
	} {
		t.Run(pattern, func(t *testing.T) {
			b := *b
			b.T = t
			wantError(t, b.refusal(postgres.Selection{Include: patterns(t, pattern)}), want)
		})
	}
}

func TestConnectionIsRefusedClearly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		bend func(*postgres.Config)
		want string
	}{
		"wrong key":      {func(c *postgres.Config) { c.Credentials = key("wrong") }, "the token was refused"},
		"wrong user":     {func(c *postgres.Config) { c.User = "nobody" }, "the token was refused"},
		"wrong region":   {func(c *postgres.Config) { c.Region = "us-east-1" }, "the token was refused"},
		"wrong database": {func(c *postgres.Config) { c.Database = "nowhere" }, "SOURCE_DATABASE"},
		"wrong CA":       {func(c *postgres.Config) { c.RootCAs = x509.NewCertPool() }, "does not chain to the RDS bundle"},
		"wrong name":     {func(c *postgres.Config) { c.Host = "ip6-localhost" }, "connecting to database"},
		"wrong port":     {func(c *postgres.Config) { c.Port = 1 }, "security group"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			c.bend(&b.config)
			source, err := postgres.Open(b.config)
			if err != nil {
				t.Fatal(err)
			}
			_, err = source.Snapshot(t.Context(), postgres.Options{})
			wantError(t, err, c.want)
			if strings.Contains(err.Error(), "X-Amz-Signature") {
				t.Errorf("the error tells the token: %v", err)
			}
		})
	}
}

func key(secret string) aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(rdstest.AccessKey, secret, "")
}

func TestCutConnectionIsAnError(t *testing.T) {
	t.Parallel()
	b := setupOn(t, rdstest.Start(t))
	b.exec(`CREATE TABLE big AS SELECT g AS n, repeat('x', 200) AS t FROM generate_series(1, 200000) AS g`)
	snapshot := b.snapshot("public.big")
	tables := b.tables(snapshot)
	b.instance.CutAfter(5 << 20)
	stream, err := snapshot.Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	statement, err := postgres.Query{Fields: b.fields(tables[0].Columns)}.Copy(spans(tables[0], 0)[0])
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if rows, err := stream.Copy(t.Context(), &got, statement); err == nil {
		t.Errorf("a cut connection gave %d rows in %d bytes and no error", rows, got.Len())
	}
	if err := stream.Close(t.Context()); err != nil {
		t.Logf("closing a broken stream: %v", err)
	}
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("got error %q, want one with %q", err, part)
		}
	}
}

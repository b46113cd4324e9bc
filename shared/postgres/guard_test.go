package postgres_test

import (
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stagelift/stagelift/shared/postgres"
)

// Whatever a span reads, and be it nothing, it says so when it is of another
// relation; of the one that was looked at it reads what lies in its blocks alone,
// and looks at no block before them to find out which it is.
func TestAnotherRelationIsNotRead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(`CREATE TABLE t (n int, text text); INSERT INTO t SELECT n, repeat('x', 800) FROM generate_series(1, 900) AS n;
		CREATE TABLE empty (n int, text text); ANALYZE t`)
	for _, table := range b.tables(b.snapshot("public.t", "public.empty")) {
		right := &table.Relations[0]
		wrong := *right
		wrong.OID++
		spans := map[string][2]int64{"whole": {}}
		if b.byRanges() {
			spans["first"], spans["middle"], spans["last"], spans["beyond"] = [2]int64{0, 8}, [2]int64{32, 40}, [2]int64{10, 0}, [2]int64{5000, 0}
		}
		for name, blocks := range spans {
			for _, where := range []string{"", "n > 0"} {
				q := postgres.Query{Fields: b.fields(table.Columns), Where: where}
				sql := b.copying(q, postgres.Span{Relation: right, From: blocks[0], To: blocks[1]})
				tag, err := b.admin.PgConn().CopyTo(t.Context(), io.Discard, sql)
				if want := b.within(table.Name.SQL(), blocks); err != nil || tag.RowsAffected() != want {
					t.Errorf("%s of %s, where %q: %d rows and %v, want %d", name, table.Name, where, tag.RowsAffected(), err, want)
				}
				if touched, most := b.touched(sql), blocksWithin(right, blocks)+2; where == "" && touched > most {
					t.Errorf("%s of %s looks at %d blocks, not at most %d", name, table.Name, touched, most)
				}
				sql = b.copying(q, postgres.Span{Relation: &wrong, From: blocks[0], To: blocks[1]})
				if _, err := b.admin.PgConn().CopyTo(t.Context(), io.Discard, sql); err == nil || !strings.Contains(err.Error(), "another relation") {
					t.Errorf("%s of another than %s, where %q: %v", name, table.Name, where, err)
				}
			}
		}
	}
}

func (b *bundle) copying(q postgres.Query, span postgres.Span) string {
	b.Helper()
	sql, err := q.Copy(span)
	if err != nil {
		b.Fatal(err)
	}
	return sql
}

func blocksWithin(r *postgres.Relation, blocks [2]int64) int {
	to := blocks[1]
	if to == 0 {
		to = r.Blocks
	}
	return int(max(to-blocks[0], 0))
}

// within counts the rows of the blocks by looking at every row.
func (b *bundle) within(table string, blocks [2]int64) (n int64) {
	b.Helper()
	const block = "split_part(trim(ctid::text, '()'), ',', 1)::int"
	err := b.admin.QueryRow(b.Context(), "SELECT count(*) FROM "+table+" WHERE "+block+" >= $1 AND ($2 = 0 OR "+block+" < $2)", blocks[0], blocks[1]).Scan(&n)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

var hits = regexp.MustCompile(`Buffers: shared hit=(\d+)`)

// touched is how many blocks a COPY's query looks at.
func (b *bundle) touched(sql string) int {
	b.Helper()
	query := strings.TrimSuffix(strings.TrimPrefix(sql, "COPY ("), ") TO STDOUT WITH (FORMAT binary)")
	var first string
	rows, err := b.admin.Query(b.Context(), "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) "+query)
	for err == nil && rows.Next() {
		var line string
		err = rows.Scan(&line)
		if first == "" && hits.MatchString(line) {
			first = hits.FindStringSubmatch(line)[1]
		}
	}
	if err != nil {
		b.Fatal(err)
	}
	n, _ := strconv.Atoi(first) // nothing is touched beyond the end
	return n
}

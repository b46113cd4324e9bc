package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/local/stack"
)

// columns are eleven of mixed types, about 218 bytes of CSV a row.
const columns = `
SELECT i AS id, md5(i::text)::uuid AS public_id, i %% 1000 AS customer, (i %% 100000) / 100.0::numeric(12,2) AS total,
       i / 7.0::double precision AS score, i %% 2 = 0 AS active, date '2020-01-01' + i %% 2000 AS day,
       timestamptz '2020-01-01' + i * interval '1 second' AS at, 'customer ' || i || ' of the shop' AS name,
       CASE WHEN i %% 10 = 0 THEN NULL ELSE 'a note, with "quotes", for ' || i END AS note, repeat(md5(i::text), 2) AS payload
  FROM generate_series(1, %d) AS i`

// fill makes a table large, a table small and a table twice as large, of the
// same columns.
func (b *bench) fill(ctx context.Context) error {
	step(fmt.Sprintf("filling tables of %d and %d rows", b.large, b.small))
	conn, err := pgx.Connect(ctx, b.RDS.AdminURL())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }() // nothing is pending
	for name, rows := range map[string]int{"large": b.large, "small": b.small} {
		if _, err := conn.Exec(ctx, "CREATE TABLE "+name+" AS "+fmt.Sprintf(columns, rows)); err != nil {
			return err
		}
	}
	if _, err := conn.Exec(ctx, "CREATE TABLE twice AS SELECT * FROM large UNION ALL SELECT * FROM large"); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "VACUUM ANALYZE")
	return err
}

// runs are the ways of extract that are measured on the large table, with the
// streams that it has by default unless one is said. To S3 is the real server,
// which stores on this machine, and to put the pieces of an upload together
// copies them once more. To nothing is nullS3.
var runs = []struct{ name, request, to string }{
	{"csv", `{"tables":["public.large"]}`, "s3"},
	{"csv, one stream", `{"tables":["public.large"],"streams":1}`, "s3"},
	{"csv, gzip", `{"tables":["public.large"],"compression":"gzip"}`, "s3"},
	{"csv, zstd", `{"tables":["public.large"],"compression":"zstd"}`, "s3"},
	{"parquet, snappy", `{"tables":["public.large"],"format":"parquet"}`, "s3"},
	{"json lines", `{"tables":["public.large"],"format":"jsonl"}`, "s3"},
	{"json lines, zstd", `{"tables":["public.large"],"format":"jsonl","compression":"zstd"}`, "s3"},
	{"csv, to nothing", `{"tables":["public.large"]}`, "null"},
	{"parquet, to nothing", `{"tables":["public.large"],"format":"parquet"}`, "null"},
}

const piped = "psql | aws s3 cp -"

// way is one way to read the large table, and what was measured of it.
type way struct {
	name   string
	run    func() (time.Duration, error)
	least  time.Duration
	ratios []float64
}

// speed compares extract with its peers. The measure of all is psql at the
// endpoint, where anybody but the database's host must read. It runs right
// before each of them, and the ratio is that of the two: the speed of a machine
// that others share is not the same a minute later. Told is the median of the
// rounds.
func (b *bench) speed(ctx context.Context) (err error) {
	d, err := b.openDoor(ctx)
	if err != nil {
		return err
	}
	null, err := startNullS3(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, null.close()) }()
	measure := &way{name: "psql > /dev/null", run: func() (time.Duration, error) { return psql(ctx, d.dsn, d.token, "large") }}
	var ways []*way
	if len(missing(ctx)) == 0 {
		ways = append(ways, &way{name: piped, run: func() (time.Duration, error) { return b.pipe(ctx, d, "large") }})
	}
	for _, run := range runs {
		ways = append(ways, &way{name: run.name, run: func() (time.Duration, error) {
			if run.to == "null" {
				return b.extractToNothing(ctx, run.request, null.endpoint())
			}
			return b.extract(ctx, run.request)
		}})
	}
	for round := range b.rounds {
		step(fmt.Sprintf("measuring extract beside its peers, round %d of %d", round+1, b.rounds))
		for _, w := range ways {
			if err := w.beside(measure); err != nil {
				return err
			}
		}
	}
	fmt.Printf("\n%d rows, least of the seconds and median of the ratios to psql -c \"COPY … TO STDOUT WITH (FORMAT csv)\" > /dev/null, %d rounds\n", b.large, b.rounds)
	fmt.Printf("  %-30s %7s  %5s\n", "", "seconds", "ratio")
	measure.ratios = []float64{1}
	for _, w := range slices.Concat([]*way{measure}, ways) {
		slices.Sort(w.ratios)
		fmt.Printf("  %-30s %7.2f  %5.2f\n", w.name, w.least.Seconds(), w.ratios[len(w.ratios)/2])
	}
	return b.besidePandas(ctx, d)
}

// beside runs the measure and then w.
func (w *way) beside(measure *way) error {
	of, err := measure.time()
	if err != nil {
		return err
	}
	took, err := w.time()
	w.ratios = append(w.ratios, took.Seconds()/of.Seconds())
	return err
}

func (w *way) time() (time.Duration, error) {
	took, err := w.run()
	if err != nil {
		return took, fmt.Errorf("measuring %s: %w", w.name, err)
	}
	if w.least == 0 || took < w.least {
		w.least = took
	}
	return took, nil
}

// besidePandas compares extract with pandas, once: it takes minutes, and holds
// the whole table, 8.2 GiB for five million rows.
func (b *bench) besidePandas(ctx context.Context, d door) error {
	if list := missing(ctx); len(list) > 0 {
		fmt.Printf("\nnot measured, for want of %s: psql | aws s3 cp, pandas\n", strings.Join(list, ", "))
		return nil
	}
	step("measuring extract beside pandas")
	var mib int
	ours := &way{name: "extract", run: func() (time.Duration, error) { return b.extract(ctx, `{"tables":["public.large"],"header":true}`) }}
	theirs := &way{name: "pandas", run: func() (took time.Duration, err error) {
		took, mib, err = b.pandas(ctx, d, "large")
		return took, err
	}}
	if err := theirs.beside(ours); err != nil {
		return err
	}
	fmt.Printf("\n%d rows to CSV in S3\n", b.large)
	fmt.Printf("  %-30s %7.2f s\n", ours.name, ours.least.Seconds())
	fmt.Printf("  %-30s %7.2f s, %.1f times as long, %d MiB of memory\n", theirs.name, theirs.least.Seconds(), theirs.ratios[0], mib)
	return nil
}

// extract runs the function and removes what it staged.
func (b *bench) extract(ctx context.Context, request string) (time.Duration, error) {
	return b.invoke(ctx, b.Functions, "extract", request)
}

// extractToNothing runs the function with nullS3 in place of S3.
func (b *bench) extractToNothing(ctx context.Context, request, endpoint string) (time.Duration, error) {
	start := time.Now()
	result, err := b.InvokeAs(ctx, "extract", []string{"AWS_ENDPOINT_URL_S3=" + endpoint}, []byte(request))
	took := time.Since(start)
	if err == nil && result.Error != nil {
		err = result.Error
	}
	return took, err
}

// clear removes what was staged, so that the disk does not fill.
func (b *bench) clear(ctx context.Context) error {
	client := b.S3Client()
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: aws.String(stack.Bucket), Prefix: aws.String("stage/")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, object := range page.Contents {
			if _, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String(stack.Bucket), Key: object.Key}); err != nil {
				return err
			}
		}
	}
	return nil
}

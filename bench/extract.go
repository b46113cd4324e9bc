package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/rds/auth"
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

// fill makes a table large and a table small, of the same columns.
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
	_, err = conn.Exec(ctx, "VACUUM ANALYZE")
	return err
}

// runs are the ways to read the large table that are measured. To S3 is the real
// server, which stores on this machine, and to put the pieces of an upload
// together copies them once more; small parts are one piece each. To nothing is
// nullS3.
var runs = []struct{ name, request, to string }{
	{"one stream, to nothing", `{"tables":["public.large"],"streams":1}`, "null"},
	{"two streams, to nothing", `{"tables":["public.large"],"streams":2}`, "null"},
	{"one stream, gzip, to nothing", `{"tables":["public.large"],"streams":1,"compression":"gzip"}`, "null"},
	{"one stream, small parts, to S3", `{"tables":["public.large"],"streams":1,"part_bytes":8000000}`, "s3"},
	{"one stream, to S3", `{"tables":["public.large"],"streams":1}`, "s3"},
	{"two streams, to S3", `{"tables":["public.large"],"streams":2}`, "s3"},
}

const (
	direct   = "psql"
	overGate = "psql, by token and TLS"
)

// speed compares extract with psql, in turns, so that all meet the same noise.
// psql reads straight from the server, and over the gate as extract must.
func (b *bench) speed(ctx context.Context) (err error) {
	gate, err := b.gateURL(ctx)
	if err != nil {
		return err
	}
	null, err := startNullS3(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, null.close()) }()
	measured := map[string]func() (time.Duration, error){
		direct:   func() (time.Duration, error) { return psql(ctx, b.RDS.AdminURL(), "") },
		overGate: func() (time.Duration, error) { return psql(ctx, gate.url, gate.token) },
	}
	names := []string{direct, overGate}
	for _, run := range runs {
		names = append(names, run.name)
		measured[run.name] = func() (time.Duration, error) {
			if run.to == "null" {
				return b.extractToNothing(ctx, run.request, null.endpoint())
			}
			return b.extract(ctx, run.request)
		}
	}
	best := map[string]time.Duration{}
	for round := range b.rounds {
		step(fmt.Sprintf("measuring extract beside psql, round %d of %d", round+1, b.rounds))
		for _, name := range names {
			if err := keepLeast(best, name, measured[name]); err != nil {
				return err
			}
		}
	}
	fmt.Printf("\nextract, %d rows, least of %d, as a ratio to psql -c \"COPY … TO STDOUT\" > /dev/null\n", b.large, b.rounds)
	fmt.Printf("  %-30s %7s  %5s  %s\n", "", "seconds", "ratio", "ratio to psql by token and TLS")
	for _, name := range names {
		fmt.Printf("  %-30s %7.2f  %5.2f  %5.2f\n", name, best[name].Seconds(),
			best[name].Seconds()/best[direct].Seconds(), best[name].Seconds()/best[overGate].Seconds())
	}
	return nil
}

func keepLeast(best map[string]time.Duration, name string, f func() (time.Duration, error)) error {
	took, err := f()
	if err != nil {
		return fmt.Errorf("measuring %s: %w", name, err)
	}
	if best[name] == 0 || took < best[name] {
		best[name] = took
	}
	return nil
}

// extract runs the function and removes what it staged.
func (b *bench) extract(ctx context.Context, request string) (time.Duration, error) {
	start := time.Now()
	result, err := b.Functions.Invoke(ctx, "extract", []byte(request))
	took := time.Since(start)
	if err != nil {
		return took, err
	}
	if result.Error != nil {
		return took, result.Error
	}
	return took, b.clear(ctx)
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

func psql(ctx context.Context, url, password string) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, "psql", "-X", "-q", url, "-c", "COPY large TO STDOUT WITH (FORMAT csv)")
	cmd.Env = append(os.Environ(), "PGPASSWORD="+password)
	cmd.Stderr = os.Stderr
	start := time.Now()
	err := cmd.Run() // stdout is /dev/null when it is not set
	return time.Since(start), err
}

// gate is how psql reaches the stand-in as extract does.
type gate struct{ url, token string }

func (b *bench) gateURL(ctx context.Context) (gate, error) {
	endpoint := b.RDS.Host() + ":" + strconv.Itoa(b.RDS.Port())
	token, err := auth.BuildAuthToken(ctx, endpoint, stack.Region, b.RDS.User(), b.S3Config.Credentials)
	if err != nil {
		return gate{}, err
	}
	return gate{token: token, url: fmt.Sprintf("host=%s port=%d dbname=%s user=%s sslmode=verify-full sslrootcert=%s",
		b.RDS.Host(), b.RDS.Port(), b.RDS.Database(), b.RDS.User(), b.RDS.CAFile())}, nil
}

package main

import (
	"context"
	"encoding/json"
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
	"github.com/stagelift/stagelift/shared/extract"
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

// speed compares one stream with psql, in turns, so that both meet the same
// noise. psql is measured over the same gate, with TLS and a token, as well as
// straight to the server without either.
func (b *bench) speed(ctx context.Context) error {
	gate, err := b.gateURL(ctx)
	if err != nil {
		return err
	}
	best := map[string]time.Duration{}
	var bytes int64
	for round := range b.rounds {
		step(fmt.Sprintf("measuring extract beside psql, round %d of %d", round+1, b.rounds))
		if err := keepLeast(best, "psql", func() (time.Duration, error) { return psql(ctx, b.RDS.AdminURL(), "") }); err != nil {
			return err
		}
		if err := keepLeast(best, "psql over the gate", func() (time.Duration, error) { return psql(ctx, gate.url, gate.token) }); err != nil {
			return err
		}
		for name, request := range map[string]string{
			"one stream":       `{"tables":["public.large"],"streams":1}`,
			"two streams":      `{"tables":["public.large"],"streams":2}`,
			"one stream, gzip": `{"tables":["public.large"],"streams":1,"compression":"gzip"}`,
		} {
			err := keepLeast(best, name, func() (time.Duration, error) {
				answer, took, err := b.extract(ctx, request)
				if err == nil && name == "one stream" {
					bytes = answer.Tables[0].Bytes
				}
				return took, err
			})
			if err != nil {
				return err
			}
		}
	}
	fmt.Printf("\nextract, %d rows, %.2f GB of CSV, least of %d; ratio to psql -c \"COPY … TO STDOUT\" > /dev/null\n",
		b.large, float64(bytes)/1e9, b.rounds)
	fmt.Printf("  %-22s %7s  %s\n", "", "seconds", "ratio to psql, and to psql over the gate")
	for _, name := range []string{"psql", "psql over the gate", "one stream", "two streams", "one stream, gzip"} {
		fmt.Printf("  %-22s %7.2f  %.2f  %.2f\n", name, best[name].Seconds(),
			best[name].Seconds()/best["psql"].Seconds(), best[name].Seconds()/best["psql over the gate"].Seconds())
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
func (b *bench) extract(ctx context.Context, request string) (answer extract.Answer, took time.Duration, err error) {
	start := time.Now()
	result, err := b.Functions.Invoke(ctx, "extract", []byte(request))
	took = time.Since(start)
	if err != nil {
		return answer, took, err
	}
	if result.Error != nil {
		return answer, took, result.Error
	}
	if err := json.Unmarshal(result.Payload, &answer); err != nil {
		return answer, took, err
	}
	return answer, took, b.clear(ctx)
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

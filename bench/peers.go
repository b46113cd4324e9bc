package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/rds/auth"

	"github.com/stagelift/stagelift/local/stack"
)

// door is how anybody reaches the stand-in of RDS: at its endpoint, by a token,
// over verified TLS.
type door struct{ dsn, token string }

func (b *bench) openDoor(ctx context.Context) (door, error) {
	endpoint := b.RDS.Host() + ":" + strconv.Itoa(b.RDS.Port())
	token, err := auth.BuildAuthToken(ctx, endpoint, stack.Region, b.RDS.User(), b.S3Config.Credentials)
	if err != nil {
		return door{}, err
	}
	return door{token: token, dsn: fmt.Sprintf("host=%s port=%d dbname=%s user=%s sslmode=verify-full sslrootcert=%s",
		b.RDS.Host(), b.RDS.Port(), b.RDS.Database(), b.RDS.User(), b.RDS.CAFile())}, nil
}

const copyCSV = "COPY %s TO STDOUT WITH (FORMAT csv)"

// psql copies a table to /dev/null.
func psql(ctx context.Context, dsn, password, table string) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, "psql", "-X", "-q", dsn, "-c", fmt.Sprintf(copyCSV, table))
	cmd.Env = append(os.Environ(), "PGPASSWORD="+password)
	return timed(cmd) // stdout is /dev/null when it is not set
}

// awsEnvironment is what the AWS CLI and boto3 find the stack's S3 by.
func (b *bench) awsEnvironment(ctx context.Context) ([]string, error) {
	credentials, err := b.S3Config.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	return append(os.Environ(), "AWS_ACCESS_KEY_ID="+credentials.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+credentials.SecretAccessKey,
		"AWS_DEFAULT_REGION="+stack.Region, "AWS_ENDPOINT_URL="+aws.ToString(b.S3Config.BaseEndpoint), "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER="), nil
}

// pipe is psql into aws s3 cp.
func (b *bench) pipe(ctx context.Context, d door, table string) (time.Duration, error) {
	environment, err := b.awsEnvironment(ctx)
	if err != nil {
		return 0, err
	}
	const script = `set -o pipefail
psql -X -q "$BENCH_DSN" -c "$BENCH_COPY" | aws --endpoint-url "$AWS_ENDPOINT_URL" s3 cp --quiet --expected-size 4000000000 - "$BENCH_TARGET"`
	cmd := exec.CommandContext(ctx, "bash", "-c", script)
	cmd.Env = slices.Concat(environment, []string{
		"PGPASSWORD=" + d.token, "BENCH_DSN=" + d.dsn,
		"BENCH_COPY=" + fmt.Sprintf(copyCSV, table), "BENCH_TARGET=s3://" + stack.Bucket + "/stage/peer.csv",
	})
	took, err := timed(cmd)
	return took, errors.Join(err, b.clear(ctx))
}

//go:embed pandas.py
var pandasScript string

// pandas is the way of many blog posts. It returns the peak memory in MiB.
func (b *bench) pandas(ctx context.Context, d door, table string) (took time.Duration, mib int, err error) {
	environment, err := b.awsEnvironment(ctx)
	if err != nil {
		return 0, 0, err
	}
	cmd := exec.CommandContext(ctx, "/usr/bin/python3", "-W", "ignore", "-c", pandasScript, table, stack.Bucket, "stage/peer.csv")
	cmd.Env = slices.Concat(environment, []string{"PGPASSWORD=" + d.token, "BENCH_DSN=" + d.dsn})
	var out bytes.Buffer
	cmd.Stdout = &out
	if took, err = timed(cmd); err != nil {
		return took, 0, err
	}
	mib, err = strconv.Atoi(strings.TrimSpace(out.String()))
	return took, mib, errors.Join(err, b.clear(ctx))
}

func timed(cmd *exec.Cmd) (time.Duration, error) {
	cmd.Stderr = os.Stderr
	start := time.Now()
	err := cmd.Run()
	return time.Since(start), err
}

// missing names what a peer needs and this machine has not.
func missing(ctx context.Context) []string {
	var list []string
	if _, err := exec.LookPath("aws"); err != nil {
		list = append(list, "aws")
	}
	if err := exec.CommandContext(ctx, "/usr/bin/python3", "-c", "import pandas, psycopg2, boto3").Run(); err != nil {
		list = append(list, "pandas, psycopg2 and boto3 of /usr/bin/python3")
	}
	return list
}

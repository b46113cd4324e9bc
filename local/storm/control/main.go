// Command control is the plainest extract that is right: one session, which
// locks the tables, takes its snapshot and reads them one after the other. It is
// played by the storm in place of the real one, to show that the referee has
// nothing to say where there is nothing to say. It knows full runs only.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/rds/auth"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/jackc/pgx/v5"
)

// request is as much of a request as is known here. What is not known is
// refused.
type request struct {
	Tables    []string `json:"tables"`
	Mode      string   `json:"mode"`
	Snapshot  string   `json:"snapshot"`
	Overrides map[string]struct {
		Where   string   `json:"where"`
		Only    []string `json:"columns"`
		Except  []string `json:"exclude_columns"`
		Ignored string   `json:"format"`
	} `json:"overrides"`
}

// careless is set when the program is linked: then it takes its snapshot before
// its locks, and what is committed in between is seen by half. The storm has to
// find that out.
var careless string

type job struct {
	cfg   aws.Config
	store *s3.Client
}

func main() {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	j := &job{cfg: cfg, store: s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })}
	lambda.Start(j.handle)
}

// handle publishes every table of the request, or fails.
func (j *job) handle(ctx context.Context, payload json.RawMessage) (map[string]any, error) {
	var q request
	if err := json.Unmarshal(payload, &q); err != nil {
		return nil, err
	}
	if q.Mode == "incremental" {
		return nil, errors.New("mode incremental is not known here")
	}
	conn, err := j.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // it only reads
	r := &run{job: j, conn: conn, request: q}
	if err := r.begin(ctx); err != nil {
		return nil, fmt.Errorf("run %s: %w", r.id, err)
	}
	for _, name := range r.names {
		if err := r.publish(ctx, name); err != nil {
			return nil, fmt.Errorf("run %s: %s: %w", r.id, name, err)
		}
	}
	return map[string]any{"run": r.id, "tables": r.published}, nil
}

func (j *job) connect(ctx context.Context) (*pgx.Conn, error) {
	host, user := os.Getenv("SOURCE_HOST")+":"+os.Getenv("SOURCE_PORT"), os.Getenv("SOURCE_USER")
	token, err := auth.BuildAuthToken(ctx, host, j.cfg.Region, user, j.cfg.Credentials)
	if err != nil {
		return nil, err
	}
	bundle := os.Getenv("LAMBDA_TASK_ROOT") + "/global-bundle.pem"
	settings, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%s user=%s dbname=%s sslmode=verify-full sslrootcert=%s application_name=control",
		os.Getenv("SOURCE_HOST"), os.Getenv("SOURCE_PORT"), user, os.Getenv("SOURCE_DATABASE"), bundle))
	if err != nil {
		return nil, err
	}
	settings.Password = token
	settings.RuntimeParams["TimeZone"], settings.RuntimeParams["lock_timeout"] = "UTC", "5s"
	return pgx.ConnectConfig(ctx, settings)
}

func newRunID() string {
	now := time.Now().UTC()
	return fmt.Sprintf("%s-%08x", now.Format("20060102T150405Z"), uint32(now.UnixNano()))
}

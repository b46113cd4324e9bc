package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/caarlos0/env/v11"

	"github.com/stagelift/stagelift/shared/load"
	"github.com/stagelift/stagelift/shared/metrics"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// environment is what the template gives the function, whichever warehouse it
// loads. Each warehouse reads its own part besides.
type environment struct {
	Warehouse    string `env:"WAREHOUSE" envDefault:"redshift"`
	StageBucket  string `env:"STAGE_BUCKET,required,notEmpty"`
	StagePrefix  string `env:"STAGE_PREFIX"`
	TargetSchema string `env:"TARGET_SCHEMA"`
	// Routes is the s3:// URL of the routes document.
	Routes string `env:"LOAD_ROUTES"`
	// EventBus is the name or ARN of the bus that is told how loads ended.
	EventBus string `env:"LOAD_EVENT_BUS"`
	// Waiting is the URL of the queue for loads that have not ended, and Overdue
	// how long one may wait for another.
	Waiting string        `env:"LOAD_WAITING"`
	Overdue time.Duration `env:"LOAD_OVERDUE" envDefault:"6h"`
}

// warehouses are those that can be loaded, by the value of WAREHOUSE.
var warehouses = map[string]func(aws.Config) (warehouse.Warehouse, error){
	"redshift":  openRedshift,
	"snowflake": openSnowflake,
}

func openWarehouse(name string, cfg aws.Config) (warehouse.Warehouse, error) {
	open, known := warehouses[name]
	if !known {
		return nil, fmt.Errorf("WAREHOUSE is %q, want redshift or snowflake", name)
	}
	return open(cfg)
}

// outcomes are the folders below _loads/, _batches/ and _claims/ by warehouse;
// Redshift's lie there directly.
var outcomes = map[string]string{"snowflake": "snowflake"}

// build wires the environment to the job. All that is wrong with the
// environment is in one error.
func build(ctx context.Context) (*load.Job, error) {
	e, incomplete := env.ParseAs[environment]()
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, errors.Join(incomplete, err)
	}
	target, notOpened := openWarehouse(e.Warehouse, cfg)
	routes, malformed := load.ParseURL(e.Routes)
	if err := errors.Join(incomplete, notOpened, malformed); err != nil {
		return nil, err
	}
	job := &load.Job{
		Store: object.New(cfg), Bucket: e.StageBucket, Layout: stage.Layout{Prefix: e.StagePrefix},
		Warehouse: target, WarehouseName: e.Warehouse, TargetSchema: e.TargetSchema,
		Outcomes: outcomes[e.Warehouse], Routes: routes, Log: lambdacontext.NewLogger(),
		Metrics: &metrics.Writer{Out: os.Stdout, Namespace: "Stagelift"},
	}
	if e.EventBus != "" {
		job.Notifier = load.NewBus(cfg, e.EventBus)
	}
	if e.Waiting != "" {
		job.Waiting, job.Overdue = load.NewQueue(cfg, e.Waiting), e.Overdue
	}
	return job, nil
}

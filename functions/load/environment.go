package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/caarlos0/env/v11"

	"github.com/stagelift/stagelift/shared/load"
	"github.com/stagelift/stagelift/shared/metrics"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/warehouse"
	"github.com/stagelift/stagelift/shared/warehouse/redshift"
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
}

// toRedshift is what a load into Redshift needs.
type toRedshift struct {
	Workgroup    string `env:"REDSHIFT_WORKGROUP"`
	Cluster      string `env:"REDSHIFT_CLUSTER"`
	Database     string `env:"REDSHIFT_DATABASE,required,notEmpty"`
	CopyRole     string `env:"REDSHIFT_COPY_ROLE,required,notEmpty"`
	LedgerSchema string `env:"LEDGER_SCHEMA" envDefault:"stagelift"`
}

// warehouses are those that can be loaded, by the value of WAREHOUSE.
var warehouses = map[string]func(aws.Config) (warehouse.Warehouse, error){
	"redshift": openRedshift,
}

func openRedshift(cfg aws.Config) (warehouse.Warehouse, error) {
	e, err := env.ParseAs[toRedshift]()
	if err != nil {
		return nil, err
	}
	return redshift.New(cfg, redshift.Config{
		Workgroup: e.Workgroup, ClusterID: e.Cluster, Database: e.Database,
		CopyRole: e.CopyRole, LedgerSchema: e.LedgerSchema, Region: cfg.Region,
	})
}

// build wires the environment to the job.
func build(ctx context.Context) (*load.Job, error) {
	e, err := env.ParseAs[environment]()
	if err != nil {
		return nil, err
	}
	open, known := warehouses[e.Warehouse]
	if !known {
		return nil, fmt.Errorf("WAREHOUSE is %q, want redshift", e.Warehouse)
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, err
	}
	target, notOpened := open(cfg)
	routes, malformed := load.ParseURL(e.Routes)
	if err := errors.Join(notOpened, malformed); err != nil {
		return nil, err
	}
	job := &load.Job{
		Store: object.New(cfg), Bucket: e.StageBucket, Layout: stage.Layout{Prefix: e.StagePrefix},
		Warehouse: target, TargetSchema: e.TargetSchema, Routes: routes, Log: lambdacontext.NewLogger(),
		Metrics: &metrics.Writer{Out: os.Stdout, Namespace: "Stagelift"},
	}
	if e.EventBus != "" {
		job.Notifier = load.NewBus(cfg, e.EventBus)
	}
	return job, nil
}

package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/caarlos0/env/v11"

	"github.com/stagelift/stagelift/shared/load"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/warehouse/redshift"
)

// environment is what the template gives the function.
type environment struct {
	StageBucket  string `env:"STAGE_BUCKET,required,notEmpty"`
	StagePrefix  string `env:"STAGE_PREFIX"`
	Workgroup    string `env:"REDSHIFT_WORKGROUP"`
	Cluster      string `env:"REDSHIFT_CLUSTER"`
	Database     string `env:"REDSHIFT_DATABASE,required,notEmpty"`
	CopyRole     string `env:"REDSHIFT_COPY_ROLE,required,notEmpty"`
	LedgerSchema string `env:"LEDGER_SCHEMA" envDefault:"stagelift"`
	TargetSchema string `env:"TARGET_SCHEMA"`
}

// build wires the environment to the job.
func build(ctx context.Context) (*load.Job, error) {
	e, err := env.ParseAs[environment]()
	if err != nil {
		return nil, err
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, err
	}
	warehouse, err := redshift.New(cfg, redshift.Config{
		Workgroup: e.Workgroup, ClusterID: e.Cluster, Database: e.Database,
		CopyRole: e.CopyRole, LedgerSchema: e.LedgerSchema, Region: cfg.Region,
	})
	if err != nil {
		return nil, err
	}
	return &load.Job{
		Store: object.New(cfg), Bucket: e.StageBucket, Layout: stage.Layout{Prefix: e.StagePrefix},
		Warehouse: warehouse, TargetSchema: e.TargetSchema, Log: lambdacontext.NewLogger(),
	}, nil
}

package main

import (
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/caarlos0/env/v11"

	"github.com/stagelift/stagelift/shared/warehouse"
	"github.com/stagelift/stagelift/shared/warehouse/redshift"
)

// toRedshift is what a load into Redshift needs.
type toRedshift struct {
	Workgroup    string `env:"REDSHIFT_WORKGROUP"`
	Cluster      string `env:"REDSHIFT_CLUSTER"`
	Database     string `env:"REDSHIFT_DATABASE,required,notEmpty"`
	CopyRole     string `env:"REDSHIFT_COPY_ROLE,required,notEmpty"`
	LedgerSchema string `env:"LEDGER_SCHEMA" envDefault:"stagelift"`
}

func openRedshift(cfg aws.Config) (warehouse.Warehouse, error) {
	e, err := env.ParseAs[toRedshift]()
	if err != nil {
		return nil, err
	}
	return redshift.New(cfg, redshift.Config{
		Workgroup: e.Workgroup, ClusterID: e.Cluster, Database: e.Database,
		CopyRole: e.CopyRole, LedgerSchema: e.LedgerSchema, Region: cfg.Region,
		Log: lambdacontext.NewLogger(),
	})
}

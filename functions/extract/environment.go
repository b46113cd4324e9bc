package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/caarlos0/env/v11"

	"github.com/stagelift/stagelift/shared/metrics"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/postgres"
	"github.com/stagelift/stagelift/shared/run"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
)

// environment is what the template gives the function.
type environment struct {
	StageBucket    string        `env:"STAGE_BUCKET,required,notEmpty"`
	StagePrefix    string        `env:"STAGE_PREFIX"`
	SourceHost     string        `env:"SOURCE_HOST,required,notEmpty"`
	SourcePort     int           `env:"SOURCE_PORT" envDefault:"5432"`
	SourceDatabase string        `env:"SOURCE_DATABASE,required,notEmpty"`
	SourceUser     string        `env:"SOURCE_USER,required,notEmpty"`
	Warehouses     []string      `env:"WAREHOUSES"`
	StaleAfter     time.Duration `env:"STALE_UPLOAD_AGE" envDefault:"20m"`
	ProgressEvery  time.Duration `env:"PROGRESS_INTERVAL" envDefault:"15s"`
}

// build wires the environment to the job.
func build(ctx context.Context) (*run.Job, error) {
	e, err := env.ParseAs[environment]()
	if err != nil {
		return nil, err
	}
	// The template joins the names of those that are there, and nothing for others.
	warehouses := slices.DeleteFunc(e.Warehouses, func(name string) bool { return name == "" })
	for _, name := range warehouses {
		if !slices.Contains(table.Targets, name) {
			return nil, fmt.Errorf("WAREHOUSES names %q, want %s", name, strings.Join(table.Targets, " or "))
		}
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, err
	}
	roots, err := postgres.RootCAs(filepath.Join(os.Getenv("LAMBDA_TASK_ROOT"), "global-bundle.pem"))
	if err != nil {
		return nil, err
	}
	source, err := postgres.Open(postgres.Config{
		Host: e.SourceHost, Port: e.SourcePort, Database: e.SourceDatabase, User: e.SourceUser,
		Region: cfg.Region, Credentials: cfg.Credentials, RootCAs: roots,
	})
	if err != nil {
		return nil, err
	}
	return &run.Job{
		Source: source, Database: e.SourceDatabase, Host: e.SourceHost,
		Store: object.New(cfg), Bucket: e.StageBucket, Layout: stage.Layout{Prefix: e.StagePrefix},
		For: warehouses, StaleAfter: e.StaleAfter, ProgressEvery: e.ProgressEvery, Log: lambdacontext.NewLogger(),
		Metrics: &metrics.Writer{Out: os.Stdout, Namespace: "Stagelift"},
	}, nil
}

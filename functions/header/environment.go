package main

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/caarlos0/env/v11"

	"github.com/stagelift/stagelift/shared/header"
	"github.com/stagelift/stagelift/shared/metrics"
	"github.com/stagelift/stagelift/shared/object"
)

// environment is what the template gives the function.
type environment struct {
	SourceBucket      string `env:"HEADER_SOURCE_BUCKET,required,notEmpty"`
	SourcePrefix      string `env:"HEADER_SOURCE_PREFIX"`
	DestinationBucket string `env:"HEADER_DESTINATION_BUCKET,required,notEmpty"`
	DestinationPrefix string `env:"HEADER_DESTINATION_PREFIX"`
	// Options are how the objects of events are dealt with: a request in JSON
	// that names no objects.
	Options string `env:"HEADER_OPTIONS"`
}

// memoryLimit is where the collector starts to hurry. Little more than 40 MiB is
// ever in use, but for headers of many megabytes; the rest would be garbage.
const memoryLimit = 44 << 20

// build wires the environment to the job.
func build(ctx context.Context) (*header.Job, error) {
	e, err := env.ParseAs[environment]()
	if err != nil {
		return nil, err
	}
	debug.SetMemoryLimit(memoryLimit)
	options, err := header.ParseOptions(e.Options)
	if err != nil {
		return nil, fmt.Errorf("HEADER_OPTIONS: %w", err)
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, err
	}
	return header.New(header.Job{
		Store:       object.New(cfg),
		Source:      header.Place{Bucket: e.SourceBucket, Prefix: e.SourcePrefix},
		Destination: header.Place{Bucket: e.DestinationBucket, Prefix: e.DestinationPrefix},
		Options:     options,
		Log:         lambdacontext.NewLogger(),
		Metrics:     &metrics.Writer{Out: os.Stdout, Namespace: "Stagelift"},
	})
}

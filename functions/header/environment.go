package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/caarlos0/env/v11"

	"github.com/stagelift/stagelift/shared/header"
	"github.com/stagelift/stagelift/shared/object"
)

// environment is what the template gives the function.
type environment struct {
	SourceBucket      string `env:"HEADER_SOURCE_BUCKET,required,notEmpty"`
	SourcePrefix      string `env:"HEADER_SOURCE_PREFIX"`
	DestinationBucket string `env:"HEADER_DESTINATION_BUCKET,required,notEmpty"`
	DestinationPrefix string `env:"HEADER_DESTINATION_PREFIX"`
}

// build wires the environment to the job.
func build(ctx context.Context) (*header.Job, error) {
	e, err := env.ParseAs[environment]()
	if err != nil {
		return nil, err
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, err
	}
	return header.New(header.Job{
		Store:       object.New(cfg),
		Source:      header.Place{Bucket: e.SourceBucket, Prefix: e.SourcePrefix},
		Destination: header.Place{Bucket: e.DestinationBucket, Prefix: e.DestinationPrefix},
		Log:         lambdacontext.NewLogger(),
	})
}

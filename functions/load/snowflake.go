package main

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/caarlos0/env/v11"

	"github.com/stagelift/stagelift/shared/secret"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
	"github.com/stagelift/stagelift/shared/warehouse/snowflake"
)

// toSnowflake is what a load into Snowflake needs. Names are as SHOW prints
// them.
type toSnowflake struct {
	Account string `env:"SNOWFLAKE_ACCOUNT,required,notEmpty"`
	// Endpoint is the URL of the API; empty is the account's own.
	Endpoint  string `env:"SNOWFLAKE_ENDPOINT"`
	Database  string `env:"SNOWFLAKE_DATABASE,required,notEmpty"`
	Warehouse string `env:"SNOWFLAKE_WAREHOUSE,required,notEmpty"`
	// Role is empty for the user's default one.
	Role string `env:"SNOWFLAKE_ROLE"`
	// Stage is SCHEMA.STAGE, StageURL what it points at.
	Stage    string `env:"SNOWFLAKE_STAGE,required,notEmpty"`
	StageURL string `env:"SNOWFLAKE_STAGE_URL,required,notEmpty"`
	// User and KeySecret, the ARN of the secret that holds the user's private
	// key, are for a key pair. Without the secret the function's role is the
	// workload identity of the user, who then need not be named.
	User         string `env:"SNOWFLAKE_USER"`
	KeySecret    string `env:"SNOWFLAKE_KEY_SECRET"`
	LedgerSchema string `env:"LEDGER_SCHEMA" envDefault:"STAGELIFT"`
}

// openSnowflake checks all of it, so that what is wrong is told at once.
func openSnowflake(cfg aws.Config) (warehouse.Warehouse, error) {
	e, incomplete := env.ParseAs[toSnowflake]()
	stage, malformed := table.ParseName(e.Stage)
	if malformed != nil {
		malformed = fmt.Errorf("SNOWFLAKE_STAGE: %w", malformed)
	}
	credentials, unusable := e.credentials(cfg)
	target, misconfigured := snowflake.New(snowflake.Config{
		Account: e.Account, Endpoint: e.Endpoint, Database: e.Database, Warehouse: e.Warehouse, Role: e.Role,
		LedgerSchema: e.LedgerSchema, Stage: stage, StageURL: e.StageURL,
	}, credentials)
	if err := errors.Join(incomplete, malformed, unusable, misconfigured); err != nil {
		return nil, err
	}
	return target, nil
}

// credentials are never nil, so that a key pair that cannot be used does not
// count as missing besides.
func (e toSnowflake) credentials(cfg aws.Config) (snowflake.Credentials, error) {
	if e.KeySecret == "" {
		return snowflake.NewWorkloadIdentity(cfg), nil
	}
	pair, err := snowflake.NewKeyPair(e.Account, e.User, secret.New(cfg, e.KeySecret))
	if err != nil {
		err = fmt.Errorf("SNOWFLAKE_USER and SNOWFLAKE_KEY_SECRET: %w", err)
	}
	return pair, err
}

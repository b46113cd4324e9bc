package stack

import (
	"context"
	"fmt"

	"github.com/stagelift/stagelift/local/secrets"
	"github.com/stagelift/stagelift/local/snowflake"
)

// What the Snowflake account is called.
const (
	SnowflakeAccount   = "laptop-stagelift"
	SnowflakeUser      = "STAGELIFT_LOADER"
	SnowflakeRole      = "STAGELIFT"
	SnowflakeWarehouse = "LOADING"
	SnowflakeDatabase  = "ANALYTICS"
	SnowflakeStage     = SnowflakeLedger + ".STAGING"
	SnowflakeLedger    = "STAGELIFT"

	// LoadSnowflake is the function that loads into Snowflake: the bootstrap of
	// load, with another environment.
	LoadSnowflake = "loadsnowflake"

	// KeySecret is the name of the secret with the user's private key.
	KeySecret = "stagelift/snowflake-key"

	snowflakeStageURL = "s3://" + Bucket + "/" + stagePrefix
	snowflakeLoadRole = "arn:aws:iam::" + Account + ":role/stagelift-load-snowflake"
)

// startSnowflake starts the stand-in on the server that plays Redshift too: a
// database of its own is all that it needs.
func (s *Stack) startSnowflake(ctx context.Context) error {
	if !s.options.Snowflake {
		return nil
	}
	s.options.Step("starting the Snowflake stand-in")
	if major := s.warehouses.Major(); major < snowflake.MergesFrom {
		s.options.Step(fmt.Sprintf("(PostgreSQL is version %d: no load will merge into the Snowflake stand-in, which takes version %d)", major, snowflake.MergesFrom))
	}
	if err := s.warehouses.CreateDatabase(ctx, SnowflakeDatabase); err != nil {
		return err
	}
	s.SnowflakeURL = s.warehouses.AdminURL(SnowflakeDatabase)
	var err error
	s.Snowflake, err = snowflake.Start(ctx, snowflake.Options{
		DatabaseURL: s.SnowflakeURL, Account: SnowflakeAccount, User: SnowflakeUser,
		Role: SnowflakeRole, Warehouse: SnowflakeWarehouse, Database: SnowflakeDatabase,
		Stages: map[string]string{SnowflakeStage: snowflakeStageURL}, S3: s.S3Config, WorkloadRole: snowflakeLoadRole,
		Region: Region, AccessKey: accessKey, SecretKey: s.secret, Log: s.options.Log,
		BeforeStatement: s.options.BeforeSnowflakeStatement,
	})
	if err != nil {
		return err
	}
	s.onClose(s.Snowflake.Close)
	if !s.options.KeyPair {
		return nil
	}
	s.Secrets, err = secrets.Start(ctx, secrets.Options{
		Account: Account, Region: Region, AccessKey: accessKey, SecretKey: s.secret, Log: s.options.Log,
	})
	if err != nil {
		return err
	}
	s.onClose(s.Secrets.Close)
	s.keySecret = s.Secrets.PutText(KeySecret, string(s.Snowflake.PrivateKey()))
	return nil
}

// snowflakeEnvironment is what the function that loads into Snowflake is given
// besides. Who it is, STS says, or the key in the secret.
func (s *Stack) snowflakeEnvironment() []string {
	if s.Snowflake == nil {
		return nil
	}
	env := []string{
		"AWS_ENDPOINT_URL_STS=" + s.Snowflake.STSEndpoint(),
		"SNOWFLAKE_ACCOUNT=" + SnowflakeAccount,
		"SNOWFLAKE_ENDPOINT=" + s.Snowflake.Endpoint(),
		"SNOWFLAKE_DATABASE=" + SnowflakeDatabase,
		"SNOWFLAKE_WAREHOUSE=" + SnowflakeWarehouse,
		"SNOWFLAKE_ROLE=" + SnowflakeRole,
		"SNOWFLAKE_STAGE=" + SnowflakeStage,
		"SNOWFLAKE_STAGE_URL=" + snowflakeStageURL,
	}
	if s.Secrets == nil {
		return env
	}
	return append(env,
		"AWS_ENDPOINT_URL_SECRETS_MANAGER="+s.Secrets.Endpoint(),
		"SNOWFLAKE_USER="+SnowflakeUser,
		"SNOWFLAKE_KEY_SECRET="+s.keySecret,
	)
}

// environmentOf is what one function is given. The two that load differ in the
// warehouse and in how its ledgers' schema is spelt.
func (s *Stack) environmentOf(function string) []string {
	env := s.Environment()
	if function == LoadSnowflake {
		env = append(env, loadSnowflake...)
	}
	return env
}

// loadSnowflake is what makes the bootstrap of load LoadSnowflake.
var loadSnowflake = []string{"WAREHOUSE=snowflake", "LEDGER_SCHEMA=" + SnowflakeLedger}

// Program returns the folder of a function's bootstrap, and what it is given
// besides the stack's environment; false for a function that there is not.
func Program(function string) (folder string, env []string, known bool) {
	switch function {
	case "extract", "header", "load":
		return function, nil, true
	case LoadSnowflake:
		return "load", loadSnowflake, true
	}
	return "", nil, false
}

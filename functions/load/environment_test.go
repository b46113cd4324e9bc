package main

import (
	"maps"
	"os"
	"strings"
	"testing"
)

// complete is what the template gives a function that loads into Snowflake.
var complete = map[string]string{
	"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "secret",
	"STAGE_BUCKET": "stagelift-stage", "STAGE_PREFIX": "stage/", "WAREHOUSE": "snowflake",
	"SNOWFLAKE_ACCOUNT": "myorg-myaccount", "SNOWFLAKE_ENDPOINT": "", "SNOWFLAKE_DATABASE": "ANALYTICS",
	"SNOWFLAKE_WAREHOUSE": "LOADING", "SNOWFLAKE_ROLE": "STAGELIFT", "SNOWFLAKE_STAGE": "STAGELIFT.STAGING",
	"SNOWFLAKE_STAGE_URL": "s3://stagelift-stage/stage/", "SNOWFLAKE_USER": "", "SNOWFLAKE_KEY_SECRET": "",
	"LEDGER_SCHEMA": "STAGELIFT", "LOAD_ROUTES": "", "LOAD_EVENT_BUS": "",
}

func setenv(t *testing.T, changed map[string]string) {
	t.Helper()
	variables := maps.Clone(complete)
	maps.Copy(variables, changed)
	for name, value := range variables {
		t.Setenv(name, value)
	}
}

//nolint:paralleltest // the environment is the whole process's
func TestWarehouseIsOpenedAsTheEnvironmentSays(t *testing.T) {
	for name, changed := range map[string]map[string]string{
		"Snowflake by workload identity": {},
		"Snowflake by key pair": {
			"SNOWFLAKE_USER":       "STAGELIFT_LOADER",
			"SNOWFLAKE_KEY_SECRET": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:key-a1b2c3",
		},
		"Snowflake elsewhere": {"SNOWFLAKE_ENDPOINT": "https://myorg-myaccount.privatelink.snowflakecomputing.com"},
		"Redshift": {
			"WAREHOUSE": "redshift", "REDSHIFT_WORKGROUP": "analytics", "REDSHIFT_DATABASE": "dev",
			"REDSHIFT_COPY_ROLE": "arn:aws:iam::123456789012:role/copy", "LEDGER_SCHEMA": "stagelift",
		},
	} {
		t.Run(name, func(t *testing.T) {
			setenv(t, changed)
			job, err := build(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if job.Warehouse == nil || job.WarehouseName != os.Getenv("WAREHOUSE") || job.Bucket != "stagelift-stage" || job.Layout.Prefix != "stage/" {
				t.Errorf("job is %+v", job)
			}
		})
	}
}

//nolint:paralleltest // see above
func TestAllThatIsWrongIsToldAtOnce(t *testing.T) {
	for name, test := range map[string]struct {
		changed map[string]string
		want    []string
	}{
		"another warehouse": {
			map[string]string{"WAREHOUSE": "bigquery", "STAGE_BUCKET": "", "LOAD_ROUTES": "routes.json"},
			[]string{`WAREHOUSE is "bigquery", want redshift or snowflake`, "STAGE_BUCKET", "routes.json"},
		},
		"Snowflake": {
			map[string]string{
				"SNOWFLAKE_ACCOUNT": "no account", "SNOWFLAKE_ENDPOINT": "http://example.com", "SNOWFLAKE_DATABASE": "",
				"SNOWFLAKE_WAREHOUSE": "", "SNOWFLAKE_STAGE": "STAGING", "SNOWFLAKE_STAGE_URL": "s3://stagelift-stage/stage",
				"SNOWFLAKE_KEY_SECRET": "key",
			},
			[]string{
				`account "no account"`, "endpoint http://example.com", "SNOWFLAKE_DATABASE", "SNOWFLAKE_WAREHOUSE",
				`SNOWFLAKE_STAGE: parsing table name "STAGING"`, `stage URL "s3://stagelift-stage/stage"`, "user is missing",
			},
		},
		"Redshift": {
			map[string]string{"WAREHOUSE": "redshift", "REDSHIFT_DATABASE": "", "REDSHIFT_COPY_ROLE": "", "LOAD_ROUTES": "routes.json"},
			[]string{"REDSHIFT_DATABASE", "REDSHIFT_COPY_ROLE", "routes.json"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			setenv(t, test.changed)
			_, err := build(t.Context())
			if err == nil {
				t.Fatal("it was taken")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got error %q, want one with %q", err, want)
				}
			}
		})
	}
}

package redshift

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Options say what the warehouse is. All up to SecretKey are needed.
type Options struct {
	// DatabaseURL is a superuser's URL of the PostgreSQL database that plays
	// the warehouse. It belongs to the stand-in alone.
	DatabaseURL string
	// Database is the Redshift database that requests must name, "dev" say.
	Database string
	// Workgroup is the serverless workgroup that requests must name.
	Workgroup string
	// CopyRole is the ARN of the only IAM role that COPY may name.
	CopyRole string
	// S3 is how COPY reads: endpoint, credentials, region.
	S3 aws.Config
	// Region, AccessKey and SecretKey are what requests must be signed with.
	Region, AccessKey, SecretKey string

	// Log receives what happened, without the text of statements or rows. Nil
	// discards it.
	Log io.Writer
	// BeforeStatement is called before each statement of a batch runs, index
	// counting from 0. An error breaks the connection as a warehouse that
	// crashes would: nothing of the batch stays. It has to return when its
	// context ends. Nil does nothing.
	BeforeStatement func(ctx context.Context, statementID string, index int, sql string) error

	Strictness

	// now is the clock; tests move it. Nil is the real one.
	now func() time.Time
}

// Strictness is how the warehouse is set up, and what of its documentation is
// not held to.
type Strictness struct {
	// User is the database user that requests run as. It may do what was granted
	// to it or to PUBLIC, and owns what it creates. Empty is "IAMR:load".
	User string
	// Grants are GRANT statements of a superuser, executed at the start. Nil is
	// GRANT CREATE ON DATABASE to the user; none is an empty list.
	Grants []string
	// Superuser runs requests as a superuser instead.
	Superuser bool
	// Quotas makes the API answer ThrottlingException beyond its calls a second.
	// False answers all.
	Quotas bool
	// CaseSensitive is enable_case_sensitive_identifier in the parameter group.
	CaseSensitive bool
	// AnyName takes the names of system columns, and control characters in names.
	AnyName bool
	// ParquetTime lets COPY read Parquet's TIME.
	ParquetTime bool
	// CopyPolicy is what the role of COPY may do in S3. Nil is everything.
	CopyPolicy *Policy
	// RowWidth is how many bytes the declared widths of the columns that an
	// INSERT or a COPY fills may add up to, VARCHAR's in full. The limit is
	// 65,535 for columns of a fixed width and "will vary" with VARCHAR ("CREATE
	// TABLE", Wide tables). Zero is no limit.
	RowWidth int
	// Serializable is the isolation level of the database. False is SNAPSHOT,
	// Redshift's default.
	Serializable bool
	// Resume is how long the workgroup takes to resume: the first statement, and
	// the first after each Idle without any, stays SUBMITTED so long. Zero is
	// awake at all times. Idle of zero sleeps at the start alone.
	Resume, Idle time.Duration
}

// Policy says what a role may do, by the beginnings of s3://bucket/key.
type Policy struct {
	// List are the prefixes that may be listed, Get the objects that may be read.
	List, Get []string
}

func (o Options) validate() error {
	var problems []error
	for _, field := range []struct{ name, value string }{
		{"DatabaseURL", o.DatabaseURL},
		{"Database", o.Database},
		{"Workgroup", o.Workgroup},
		{"CopyRole", o.CopyRole},
		{"Region", o.Region},
		{"AccessKey", o.AccessKey},
		{"SecretKey", o.SecretKey},
		{"S3.Region", o.S3.Region},
	} {
		if field.value == "" {
			problems = append(problems, fmt.Errorf("%s is missing", field.name))
		}
	}
	return errors.Join(problems...)
}

func (o Options) withDefaults() Options {
	if o.now == nil {
		o.now = time.Now
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	if o.User == "" {
		o.User = "IAMR:load"
	}
	if o.Grants == nil && !o.Superuser {
		o.Grants = []string{fmt.Sprintf("GRANT CREATE ON DATABASE %q TO %q", o.Database, o.User)}
	}
	return o
}

// Package redshift loads into Amazon Redshift through the Data API, which
// needs neither a connection nor a password.
//
// A load is one BatchExecuteStatement, which Redshift runs as one transaction,
// all or nothing, and finishes also when nobody waits for it. Its first
// statement locks the target's ledger, so loads of one table follow each other
// while loads of other tables, and readers of any, go on. The lock comes
// before the transaction's snapshot, so what the previous holder wrote is seen.
// Plain SQL cannot stop halfway on a condition; the checks divide by zero when
// theirs does not hold, and the number of the failed statement tells which.
//
// The ledger of a target is a table of its own, named after it, in the ledger
// schema. It is created after the target table, so where it exists the target
// was set up.
package redshift

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata"

	"github.com/stagelift/stagelift/shared/warehouse"
)

// Config says which Redshift is loaded and how.
type Config struct {
	// Workgroup is a Serverless workgroup; ClusterID is a provisioned cluster.
	// Exactly one of them is set.
	Workgroup, ClusterID string
	// Database is the database to load into.
	Database string
	// CopyRole is the ARN of the IAM role that COPY reads S3 with. It must be
	// associated with the namespace or cluster.
	CopyRole string
	// LedgerSchema is the schema of the ledgers.
	LedgerSchema string
	// Region is the region of the staging bucket.
	Region string
	// PollEvery is the first pause between two looks at a running statement;
	// 0 is half a second. Pauses grow up to ten seconds.
	PollEvery time.Duration
}

// Client loads into one Redshift database.
type Client struct {
	api    *redshiftdata.Client
	config Config
}

// New checks the configuration. It does not connect.
func New(cfg aws.Config, config Config) (*Client, error) {
	var problems []error
	if (config.Workgroup == "") == (config.ClusterID == "") {
		problems = append(problems, errors.New("one of a workgroup and a cluster must be named"))
	}
	if config.Database == "" || config.CopyRole == "" || config.LedgerSchema == "" || config.Region == "" {
		problems = append(problems, errors.New("database, COPY role, ledger schema and region are all needed"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("configuring Redshift: %w", err)
	}
	if config.PollEvery == 0 {
		config.PollEvery = 500 * time.Millisecond
	}
	return &Client{api: redshiftdata.NewFromConfig(cfg), config: config}, nil
}

// Loaded looks the load up in its target's ledger. A ledger that is not there
// has no loads in it.
func (c *Client) Loaded(ctx context.Context, load warehouse.Load) (warehouse.Outcome, bool, error) {
	exists, err := c.query(ctx, ledgerExists(c.config, load))
	if err != nil {
		return warehouse.Outcome{}, false, fmt.Errorf("looking for the ledger of %s: %w", load.Target, err)
	}
	if len(exists) == 0 {
		return warehouse.Outcome{}, false, nil
	}
	rows, err := c.query(ctx, ledgerEntry(c.config, load))
	if err != nil {
		return warehouse.Outcome{}, false, fmt.Errorf("reading the ledger of %s: %w", load.Target, err)
	}
	if len(rows) == 0 {
		return warehouse.Outcome{}, false, nil
	}
	count, err := strconv.ParseInt(rows[0], 10, 64)
	if err != nil {
		return warehouse.Outcome{}, false, fmt.Errorf("reading the ledger of %s: %w", load.Target, err)
	}
	return warehouse.Outcome{State: warehouse.AlreadyLoaded, Rows: count}, true, nil
}

// Load carries the load out. When ctx ends before the transaction does, the
// transaction goes on; calling again finds out how it ended.
func (c *Client) Load(ctx context.Context, load warehouse.Load) (warehouse.Outcome, error) {
	setup, err := setupStatements(c.config, load)
	if err != nil {
		return warehouse.Outcome{}, err
	}
	transaction, err := loadStatements(c.config, load)
	if err != nil {
		return warehouse.Outcome{}, err
	}
	exists, err := c.query(ctx, ledgerExists(c.config, load))
	if err != nil {
		return warehouse.Outcome{}, fmt.Errorf("looking for the ledger of %s: %w", load.Target, err)
	}
	if len(exists) == 0 {
		if err := c.setUp(ctx, load, setup); err != nil {
			return warehouse.Outcome{}, err
		}
	}
	id, err := c.batch(ctx, texts(transaction))
	if err == nil {
		return warehouse.Outcome{State: warehouse.Loaded, Rows: load.Rows, Statements: []string{id}}, nil
	}
	return c.explain(ctx, load, transaction, err)
}

// setUp creates what is missing. Two that create at once may meet, and one
// then fails although what it wanted is there: so it looks again.
func (c *Client) setUp(ctx context.Context, load warehouse.Load, statements []string) error {
	const attempts = 3
	var err error
	for range attempts {
		if _, err = c.batch(ctx, statements); err == nil {
			return nil
		}
		if failed := (*statementError)(nil); !errors.As(err, &failed) {
			break // not refused, but not submitted or not waited for
		}
		if exists, lookErr := c.query(ctx, ledgerExists(c.config, load)); lookErr == nil && len(exists) > 0 {
			return nil
		}
	}
	return fmt.Errorf("creating table %s and its ledger: %w", load.Target, err)
}

// explain finds out what a failed transaction means. A check that failed is
// looked into, since statements fail for other reasons too: a transaction that
// found itself in the ledger is done.
func (c *Client) explain(ctx context.Context, load warehouse.Load, transaction []statement, err error) (warehouse.Outcome, error) {
	failed := &statementError{}
	if !errors.As(err, &failed) {
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w", load.Target, err)
	}
	found := checkNothing
	if failed.index >= 0 && failed.index < len(transaction) {
		found = transaction[failed.index].check
	}
	switch found {
	case checkLedger:
		if outcome, done, lookErr := c.Loaded(ctx, load); lookErr == nil && done {
			return outcome, nil
		}
	case checkSource:
		if others, lookErr := c.query(ctx, otherSource(c.config, load)); lookErr == nil && len(others) > 0 {
			return warehouse.Outcome{}, fmt.Errorf("loading %s from %s: %w, %s; give one of the two another target; nothing was changed",
				load.Target, load.Source, warehouse.ErrOtherSource, others[0])
		}
	case checkCount:
		if failed.dividedByZero() {
			return warehouse.Outcome{}, fmt.Errorf("loading %s: %w: want %d, %s; nothing was changed",
				load.Target, warehouse.ErrRowCount, load.Rows, copied(failed.rows[failed.index-1]))
		}
	case checkNothing:
	}
	return warehouse.Outcome{}, fmt.Errorf("loading %s: %w; nothing was changed", load.Target, err)
}

// dividedByZero reports whether a check did not hold. Leader and compute nodes
// word it differently, but both speak of zero.
func (e *statementError) dividedByZero() bool {
	return strings.Contains(strings.ToLower(e.message), "zero")
}

// copied words the number of rows that COPY reported. Redshift may report 0
// whatever it copied (github.com/aws/aws-sdk, issue 333).
func copied(rows int64) string {
	if rows < 1 {
		return "COPY reported none"
	}
	return fmt.Sprintf("COPY reported %d", rows)
}

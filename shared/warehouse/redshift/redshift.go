// Package redshift loads into Amazon Redshift through the Data API, which
// needs neither a connection nor a password.
//
// # How a load goes
//
// A load is a row of statements that are submitted and asked about, one after
// the other; whoever has the handle of the one that is running can go on from
// there, in this invocation or in another. Whoever has no handle looks first
// whether the load's batch is running, and takes it up: reading the ledger would
// wait for the lock that the batch holds.
//
//	look     what columns the target and its ledger have, and what the ledger says
//	create   the target and its ledger, where they are missing
//	views    what depends on columns that have to be made anew
//	alter    what the target lacks: columns, length, wider numbers
//	wish     comments and grants; one that is refused is a warning
//	ledger   what the ledger says, where it was not asked with the look that found
//	         nothing lacking; warehouse.Judge decides
//	load     the load itself, one BatchExecuteStatement
//	errors   what Redshift says of rows that COPY could not take
//
// All but load only read, or do what may be done again. Redshift runs
// the batch as one transaction, all or nothing, and finishes it also when
// nobody waits for it. Its first statement locks the target's ledger, so loads
// of one table follow each other while loads of other tables, and readers of
// any, go on. The lock comes before the transaction's snapshot, so what the
// previous holder wrote is seen; the second statement makes sure that the
// ledger is still the one that was judged. If it is not, the ledger is read and
// judged again. So a load is right also when two batches of it are submitted,
// because a list of what is running comes late or may not be read; the second
// batch is only in vain.
//
// Plain SQL cannot stop halfway on a condition. The checks divide by zero when
// theirs does not hold, and the number of the failed statement tells which.
//
// # Names
//
// Redshift folds identifiers, quoted or not, to lower case in ASCII, unless its
// setting enable_case_sensitive_identifier is on, as zero-ETL integrations demand;
// the look asks. A name is taken as it is otherwise, always quoted, so that
// reserved words are names like any other. Two columns of one table that fold to
// the same name are refused, and so is a name of more than 127 bytes, with a
// control character or a backslash, or of a system column. Two tables that fold to
// one target have one ledger, which refuses the second source.
//
// # The ledger
//
// The ledger of a target is a table of its own, named after it, in the ledger
// schema.
package redshift

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

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
	// Log is told once when a right is missing that loads can do without. Nil
	// discards it.
	Log *slog.Logger

	// exact is enable_case_sensitive_identifier, which is asked for with each look.
	exact bool
}

// Warehouse loads into one Redshift database. It is safe for concurrent use.
type Warehouse struct {
	api        *redshiftdata.Client
	config     Config
	toldDenied *sync.Once
}

// as is the same warehouse where quoted names keep their case, or not.
func (w *Warehouse) as(exact bool) *Warehouse {
	other := *w
	other.config.exact = exact
	return &other
}

var _ warehouse.Warehouse = (*Warehouse)(nil)

// New checks the configuration. It does not connect. Calls wait for their turn,
// unless cfg has a retryer of its own.
func New(cfg aws.Config, config Config) (*Warehouse, error) {
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
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	return &Warehouse{api: redshiftdata.NewFromConfig(cfg, patientUnless(cfg)), config: config, toldDenied: &sync.Once{}}, nil
}

// Begin refuses a load that cannot be done, whatever is in the warehouse. Of any
// other it takes up the batch that is running, or submits the first step.
func (w *Warehouse) Begin(ctx context.Context, load warehouse.Load) (warehouse.Outcome, error) {
	load = warehouse.Given(load)
	if err := w.check(load); err != nil {
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w; nothing was changed", load.Target, err)
	}
	if id := w.underWay(ctx, load); id != "" {
		return running(step{name: stepLoad, round: 1, id: id}), nil
	}
	return w.look(ctx, load, step{round: 1})
}

// Poll asks how the statement stands that the handle names, and submits the one
// that comes after it. What cannot be asked or submitted now, since the Data API
// has had enough calls, has failed or was not heard, is as if the statement still
// ran.
func (w *Warehouse) Poll(ctx context.Context, load warehouse.Load, handle string) (warehouse.Outcome, error) {
	at, err := parseStep(handle)
	if err != nil {
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w", load.Target, err)
	}
	w, load = w.as(at.exact), warehouse.Given(load)
	if err := w.check(load); err != nil {
		return warehouse.Outcome{}, fmt.Errorf("loading %s: %w", load.Target, err)
	}
	ended, err := w.describe(ctx, at.id)
	if err == nil && ended.running() {
		return running(at), nil
	}
	outcome := warehouse.Outcome{}
	if err == nil {
		outcome, err = w.next(ctx, load, at, ended)
	} else {
		err = fmt.Errorf("loading %s: %w", load.Target, err)
	}
	if passing(ctx, err) { // the step that was taken last stands; all after it may be taken again
		return running(at), nil
	}
	return outcome, err
}

// check builds all that the load may send.
func (w *Warehouse) check(load warehouse.Load) error {
	if err := errors.Join(checkNames(load), checkOptions(load)); err != nil {
		return err
	}
	if _, err := createStatements(w.config, load, found{}); err != nil {
		return err
	}
	statements, err := loadStatements(w.config, load, warehouse.Enter(load, warehouse.Verdict{}), kept{})
	if err != nil {
		return err
	}
	return checkSizes(statements)
}

// Package snowflake loads into Snowflake through its SQL API, plain HTTPS
// without a driver.
//
// A load is one request of several statements, which Snowflake runs one after
// the other and finishes also when nobody waits for it. A staging table that
// lives as long as the request comes first, since DDL commits on Snowflake;
// then BEGIN, everything else, COMMIT. Within the transaction the first
// statement updates the one row of the target's ledger that is there to be
// locked, so loads of one table follow each other, while loads of other tables
// and readers of any go on. Statements see what was committed before they
// began (READ COMMITTED), so what the previous holder wrote is seen.
//
// What becomes of a load is judged before, by warehouse.Judge, which reads the
// ledger. Once the transaction holds the lock it makes sure that the ledger has
// not changed; where it has, the load is judged again.
//
// A statement that fails would leave the transaction open, and its locks held
// until Snowflake gives it up minutes or hours later. The request therefore
// sets TRANSACTION_ABORT_ON_ERROR, with which the failure of a statement ends
// the transaction (Snowflake reference, "Parameters" and "Transactions"), and
// what comes after it is not run ("Submitting multiple SQL statements in a
// single request").
//
// SQL outside of a procedure cannot stop on a condition. A check therefore
// turns a text into a number, which fails unless the text is one: where the
// condition holds it is '1', else it says which check did not hold and what
// was counted. Snowflake's error quotes the text, and its query history shows
// it.
//
// Names are quoted always and keep their case: the table orders of PostgreSQL
// is "orders" in Snowflake. Since nothing is folded, no two names fall
// together. A name of more than 255 characters is refused.
//
// The ledger of a target is a table of its own, named after it, in the ledger
// schema. The files are read through an external stage over the staging
// bucket; no credentials of S3 pass through here.
//
// What an account may have set otherwise and a load relies on is set in its session:
// how quoted names and texts are read, and that a statement is committed by itself.
//
// Not guaranteed: in CSV a text that reads like NULL is told from it by its
// quotes, which COPY does not heed: such a text arrives as NULL. Stage Parquet
// or JSON Lines where there may be one. A document that is no JSON is found after COPY, so its error
// names no file and no line.
package snowflake

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// Config says which Snowflake is loaded and how. Names of objects are exact, as
// SHOW prints them: what was created without quotes is in capitals.
type Config struct {
	// Account is the account's identifier, as myorg-myaccount.
	Account string
	// Endpoint is the URL of the API; empty is that of Account. Plain http is
	// taken on the loopback interface alone.
	Endpoint string
	// Database, Warehouse and Role are used by every request. An empty role is
	// the user's default one.
	Database, Warehouse, Role string
	// LedgerSchema is the schema of the ledgers and of staging tables.
	LedgerSchema string
	// Stage is the external stage, in Database, that the parts are read
	// through, and StageURL what it points at: s3://bucket/ or
	// s3://bucket/prefix/.
	Stage    table.Name
	StageURL string
	// LockWait is how long a load waits for another one of its table before it
	// is warehouse.ErrBusy; 0 is five minutes.
	LockWait time.Duration
	// Timeout is after how long Snowflake cancels a load; 0 leaves it to the
	// account's STATEMENT_TIMEOUT_IN_SECONDS.
	Timeout time.Duration
	// HTTP carries the requests; nil is a client that verifies TLS and follows
	// no redirects.
	HTTP *http.Client
}

const defaultLockWait = 5 * time.Minute

// Warehouse loads into one Snowflake database. It is safe for concurrent use.
type Warehouse struct {
	api    *client
	config Config
	// folds is true once the account was found to take quoted names for capitals.
	folds atomic.Bool
}

var _ warehouse.Warehouse = (*Warehouse)(nil)

// New checks the configuration. It does not connect.
func New(config Config, credentials Credentials) (*Warehouse, error) {
	endpoint, endpointErr := config.endpoint()
	if err := errors.Join(endpointErr, config.validate(), checkCredentials(credentials)); err != nil {
		return nil, fmt.Errorf("configuring Snowflake: %w", err)
	}
	if config.LockWait == 0 {
		config.LockWait = defaultLockWait
	}
	return &Warehouse{api: newClient(endpoint, config.HTTP, credentials), config: config}, nil
}

func checkCredentials(c Credentials) error {
	if c == nil {
		return errors.New("credentials are missing")
	}
	return nil
}

func (c Config) validate() error {
	var problems []error
	for _, field := range []struct{ what, value string }{
		{"database", c.Database},
		{"warehouse", c.Warehouse},
		{"ledger schema", c.LedgerSchema},
		{"stage's schema", c.Stage.Schema},
		{"stage", c.Stage.Table},
	} {
		if err := checkName(field.value); err != nil {
			problems = append(problems, fmt.Errorf("%s %q: %w", field.what, field.value, err))
		}
	}
	if c.LockWait < 0 || c.Timeout < 0 {
		problems = append(problems, fmt.Errorf("lock wait %s and timeout %s must not be negative", c.LockWait, c.Timeout))
	}
	if _, _, err := c.stageRoot(); err != nil {
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// stageRoot takes the stage's URL apart: the prefix is empty or ends in "/".
func (c Config) stageRoot() (bucket, prefix string, err error) {
	rest, ours := strings.CutPrefix(c.StageURL, "s3://")
	bucket, prefix, slash := strings.Cut(rest, "/")
	if !ours || bucket == "" || !slash || prefix != "" && !strings.HasSuffix(prefix, "/") {
		return "", "", fmt.Errorf("stage URL %q: want s3://bucket/ or s3://bucket/prefix/, as DESCRIBE STAGE shows it", c.StageURL)
	}
	return bucket, prefix, nil
}

// endpoint returns the URL that requests go to.
func (c Config) endpoint() (string, error) {
	if c.Endpoint == "" {
		host, err := hostOf(c.Account)
		return "https://" + host, err
	}
	u, err := url.Parse(c.Endpoint)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Path != "" && u.Path != "/":
		return "", errors.New("endpoint: want a URL of scheme and host alone, as https://myorg-myaccount.snowflakecomputing.com")
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return u.Scheme + "://" + u.Host, nil
	}
	return "", fmt.Errorf("endpoint %s: tokens travel by https only, but to the loopback interface", u.Redacted())
}

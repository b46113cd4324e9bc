package snowflake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Options say what the account is. All fields above Log are needed.
type Options struct {
	// DatabaseURL is a superuser's URL of the PostgreSQL database that plays
	// the warehouse. It belongs to the stand-in alone.
	DatabaseURL string
	// Account is the account identifier, "myorg-myaccount" say; User a service
	// user's name. In tokens both stand in upper case.
	Account, User string
	// Role, Warehouse and Database are what requests must name, as SHOW prints
	// them. There is one of each.
	Role, Warehouse, Database string
	// Stages are the external stages by their names, "SCHEMA.STAGE", each with
	// its URL: s3://bucket/ or s3://bucket/prefix/. An administrator has created
	// them, and their schemas.
	Stages map[string]string
	// S3 is how COPY reads: endpoint, credentials, region. They stand for the
	// role of the storage integration.
	S3 aws.Config
	// WorkloadRole is the ARN of the IAM role that is the user's workload
	// identity.
	WorkloadRole string
	// Region, AccessKey and SecretKey are the role's: what calls of STS must be
	// signed with.
	Region, AccessKey, SecretKey string

	// Log receives what happened, without the text of statements, rows or
	// tokens. Nil discards it.
	Log io.Writer
	// SyncWait is how long a request that is not asynchronous waits for its
	// statement. Zero is Snowflake's 45 seconds.
	SyncWait time.Duration
	// BeforeRequest is called when a request is authenticated, before anything
	// is done. What it returns is answered instead; nil goes on. It may wait,
	// but not beyond its context.
	BeforeRequest func(ctx context.Context, r Request) *Fault
	// AfterRequest is called when a request is done, before it is answered:
	// what it returns is answered instead, though all is done.
	AfterRequest func(ctx context.Context, r Request) *Fault
	// BeforeStatement is called before each statement of a request runs, index
	// counting from 0. An error breaks the session as a warehouse that crashes
	// would: the transaction that is open is lost. It has to return when its
	// context ends. Nil does nothing.
	BeforeStatement func(ctx context.Context, handle string, index int, sql string) error
	// Now is the clock. Nil is the real one.
	Now func() time.Time

	Strictness
}

// Request is what the hooks of Options see of a request.
type Request struct {
	// Method is POST or GET; Path is the URL's.
	Method, Path string
	// RequestID and Retry are the query parameters requestId and retry.
	RequestID string
	Retry     bool
	// SQL is the text of the statements; empty but for POST /api/v2/statements.
	SQL string
}

// Fault is an answer that a hook gives in place of the proper one.
type Fault struct {
	// Status is the HTTP status; 0 cuts the connection without an answer.
	Status int
	// Code and Message fill the body. Both are optional: 429 has code 390505.
	Code, Message string
}

// TooManyRequests is Snowflake's answer to too many requests.
func TooManyRequests() *Fault {
	return &Fault{Status: http.StatusTooManyRequests, Code: "390505", Message: "Too many requests."}
}

// Recorded is a request for statements that was accepted.
type Recorded struct {
	// Handle is the statement handle that it was answered with, RequestID and
	// Retry the query parameters. Fresh is false when the request was the
	// repetition of one whose statements are not run again.
	Handle, RequestID string
	Retry, Fresh      bool
	// SQL is the text of the statements.
	SQL string
	// At is when it was accepted, Ended when its statements were done or had
	// failed; zero while they run.
	At, Ended time.Time
	// Failed is true when it ended with an error.
	Failed bool
}

// Statements returns the requests for statements that were accepted so far, in
// their order.
func (s *Server) Statements() []Recorded {
	s.mu.Lock()
	list := slices.Clone(s.recorded)
	s.mu.Unlock()
	for i := range list {
		if x := s.requests.find(list[i].Handle); x != nil && x.over() {
			list[i].Ended, list[i].Failed = x.ended, x.wrong != nil
		}
	}
	return list
}

func (o Options) validate() error {
	var problems []error
	for _, f := range []struct{ name, value string }{
		{"DatabaseURL", o.DatabaseURL},
		{"Account", o.Account},
		{"User", o.User},
		{"Role", o.Role},
		{"Warehouse", o.Warehouse},
		{"Database", o.Database},
		{"WorkloadRole", o.WorkloadRole},
		{"Region", o.Region},
		{"AccessKey", o.AccessKey},
		{"SecretKey", o.SecretKey},
		{"S3.Region", o.S3.Region},
	} {
		if f.value == "" {
			problems = append(problems, fmt.Errorf("%s is missing", f.name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.Stages)) {
		if bucket, isS3 := strings.CutPrefix(o.Stages[name], "s3://"); !isS3 || bucket == "" || !strings.Contains(name, ".") {
			problems = append(problems, fmt.Errorf("stage %q over %q: want SCHEMA.STAGE and s3://bucket/prefix/", name, o.Stages[name]))
		}
	}
	return errors.Join(problems...)
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	if o.SyncWait == 0 {
		o.SyncWait = syncWait
	}
	if o.Integration == "" {
		o.Integration = "STAGED"
	}
	if o.Waiters == 0 {
		o.Waiters = defaultWaiters
	}
	if o.Grants == nil && !o.AllPrivileges {
		o.Grants = o.documentedGrants()
	}
	return o
}

// Package stack puts the laptop stack together: the RDS stand-in, the S3
// server, the Redshift stand-in, the Snowflake stand-in where it is asked for
// (with that of Secrets Manager, where it shall know its user by a key), and the
// Lambda host that runs the built functions, joined by the event rules
// of template.yaml.
//
// The functions are the binaries that Lambda would run, started with the
// environment that the template would give them; that they are on a laptop
// shows only in the endpoints, which the AWS SDK reads from its own variables,
// and in the certificate bundle, which holds the stand-in's authority.
package stack

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	s3client "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/stagelift/stagelift/local/bus"
	"github.com/stagelift/stagelift/local/lambdahost"
	"github.com/stagelift/stagelift/local/pgserver"
	"github.com/stagelift/stagelift/local/process"
	"github.com/stagelift/stagelift/local/rds"
	"github.com/stagelift/stagelift/local/redshift"
	"github.com/stagelift/stagelift/local/s3"
	"github.com/stagelift/stagelift/local/secrets"
	"github.com/stagelift/stagelift/local/snowflake"
	"github.com/stagelift/stagelift/local/template"
)

// What the stack is called. The samples in events/ speak of the same names.
const (
	Region    = "eu-central-1"
	Account   = "123456789012"
	Bucket    = "stagelift-stage"
	Database  = "shop"
	User      = "stagelift"
	Workgroup = "analytics"
	Warehouse = "dev"
	CopyRole  = "arn:aws:iam::" + Account + ":role/stagelift-copy"

	accessKey   = "AKIALAPTOPSTAGELIFT0"
	stagePrefix = "stage/"
)

// Options configure a stack.
type Options struct {
	// Root is the project's folder.
	Root string
	// Log receives what the servers say; nil discards it.
	Log io.Writer
	// FunctionLog returns where a function's log goes; nil discards them.
	FunctionLog func(function string) io.Writer
	// Step is told what is being done, for people who wait; may be nil.
	Step func(what string)
	// Duplicate delivers every event twice; Deaf delivers none.
	Duplicate, Deaf bool
	// ProgressEvery is how often extract logs its progress; 0 is the default.
	ProgressEvery time.Duration
	// BeforeStatement is handed to the Redshift stand-in; may be nil.
	BeforeStatement func(ctx context.Context, statementID string, index int, sql string) error
	// Snowflake starts the Snowflake stand-in too, and the function that loads
	// into it, which every receipt wakes then.
	Snowflake bool
	// KeyPair has that function prove who it is by the key pair of the user, whose
	// private key lies in the Secrets Manager stand-in, which is started too.
	// Without it, it does so by workload identity.
	KeyPair bool
	// BeforeSnowflakeStatement is handed to the Snowflake stand-in; may be nil.
	BeforeSnowflakeStatement func(ctx context.Context, handle string, index int, sql string) error
	// OnStart, OnResult and RetryDelays are handed to the Lambda host; may be nil.
	// OnResult is told of what InvokeAs invokes too.
	OnStart     func(function, requestID string, pid int)
	OnResult    func(function string, r lambdahost.Result)
	RetryDelays []time.Duration
	// OnCreated is told of every object as it appears in S3, in their order, and
	// has to return soon; may be nil.
	OnCreated func(bucket, key string)
	// S3Endpoint stands between the functions and the S3 server; it is given
	// the server's endpoint and returns its own. Nil is none.
	S3Endpoint func(endpoint string) (string, error)
}

// Stack is running servers and functions.
type Stack struct {
	// RDS is the source.
	RDS *rds.Instance
	// S3 is the object store, S3Config how to reach it.
	S3       *s3.Server
	S3Config aws.Config
	// Redshift is the warehouse stand-in.
	Redshift *redshift.Server
	// WarehouseURL is the warehouse's database, for looking at results.
	WarehouseURL string
	// Snowflake is the other warehouse's stand-in, nil without the option.
	Snowflake *snowflake.Server
	// SnowflakeURL is its database, for looking at results; empty without it.
	SnowflakeURL string
	// Secrets is the Secrets Manager stand-in, nil without the option KeyPair. The
	// private key is its secret KeySecret.
	Secrets *secrets.Server
	// Functions runs extract, header, load and, with Snowflake, loadsnowflake.
	Functions *lambdahost.Host
	// Events delivers what happens in S3 to the functions.
	Events *bus.Bus

	options     Options
	group       *process.Group
	secret      string
	keySecret   string // the ARN of KeySecret
	warehouses  *pgserver.Server
	s3Endpoint  string
	s3Client    *s3client.Client
	deadLetters deadLetters
	taskRoot    string
	marks       sync.Map // of mark: key → channel that is closed when S3 tells of it
	closers     []func() error
}

// Start builds what is to run and starts it. When it fails it leaves nothing
// behind.
func Start(ctx context.Context, o Options) (*Stack, error) {
	if o.Step == nil {
		o.Step = func(string) {}
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	group, err := process.NewGroup()
	if err != nil {
		return nil, err
	}
	s := &Stack{options: o, group: group, secret: rand.Text()}
	for _, start := range []func(context.Context) error{s.startRDS, s.startS3, s.startWarehouse, s.startSnowflake, s.startFunctions} {
		if err := start(ctx); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// Close ends everything and removes what was written. The first that started
// ends last.
func (s *Stack) Close() error {
	var problems []error
	for _, v := range slices.Backward(s.closers) {
		problems = append(problems, v())
	}
	s.closers = nil
	return errors.Join(append(problems, s.group.Close())...)
}

func (s *Stack) onClose(f func() error) { s.closers = append(s.closers, f) }

func (s *Stack) startRDS(ctx context.Context) error {
	s.options.Step("starting PostgreSQL behind the IAM gate")
	var err error
	s.RDS, err = rds.Start(ctx, s.group, rds.Options{
		Region: Region, AccessKey: accessKey, SecretKey: s.secret, Database: Database, User: User, Log: s.options.Log,
	})
	if err != nil {
		return err
	}
	s.onClose(s.RDS.Close)
	return nil
}

func (s *Stack) startS3(ctx context.Context) error {
	s.options.Step("building and starting the S3 server (the first build takes a minute)")
	binary, err := s3.Build(ctx, s.options.Root, filepath.Join(s.options.Root, ".local", "bin"))
	if err != nil {
		return err
	}
	dir, err := s.group.TempDir("s3")
	if err != nil {
		return err
	}
	s.S3, err = s3.Start(ctx, s3.Options{
		Binary: binary, Dir: dir, AccessKey: accessKey, SecretKey: s.secret, Region: Region, Log: s.options.Log,
		OnCreated: s.created,
	})
	if err != nil {
		return err
	}
	s.onClose(s.S3.Close)
	s.s3Endpoint = s.S3.Endpoint()
	if s.options.S3Endpoint != nil {
		if s.s3Endpoint, err = s.options.S3Endpoint(s.s3Endpoint); err != nil {
			return err
		}
	}
	s.S3Config = aws.Config{
		Region: Region, BaseEndpoint: aws.String(s.S3.Endpoint()),
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, s.secret, ""),
	}
	s.s3Client = s3client.NewFromConfig(s.S3Config, func(o *s3client.Options) { o.UsePathStyle = true })
	for _, bucket := range []string{Bucket, markBucket} {
		if _, err = s.s3Client.CreateBucket(ctx, &s3client.CreateBucketInput{Bucket: aws.String(bucket)}); err != nil {
			return fmt.Errorf("creating bucket %s: %w", bucket, err)
		}
	}
	return nil
}

// S3Client returns the stack's own client of the S3 server. There is one, since
// each keeps connections open.
func (s *Stack) S3Client() *s3client.Client { return s.s3Client }

func (s *Stack) startWarehouse(ctx context.Context) error {
	s.options.Step("starting the Redshift stand-in")
	var err error
	if s.warehouses, err = pgserver.Start(ctx, s.group, pgserver.Options{Log: s.options.Log}); err != nil {
		return err
	}
	s.onClose(s.warehouses.Close)
	if err := s.warehouses.CreateDatabase(ctx, Warehouse); err != nil {
		return err
	}
	s.WarehouseURL = s.warehouses.AdminURL(Warehouse)
	s.Redshift, err = redshift.Start(ctx, redshift.Options{
		DatabaseURL: s.WarehouseURL, Database: Warehouse, Workgroup: Workgroup, CopyRole: CopyRole, S3: s.S3Config,
		Region: Region, AccessKey: accessKey, SecretKey: s.secret, Log: s.options.Log,
		BeforeStatement: s.options.BeforeStatement,
	})
	if err != nil {
		return err
	}
	s.onClose(s.Redshift.Close)
	return nil
}

func (s *Stack) startFunctions(ctx context.Context) error {
	s.options.Step("building the functions")
	binaries := filepath.Join(s.options.Root, ".local", "bin")
	if err := BuildFunctions(ctx, s.options.Root, binaries); err != nil {
		return err
	}
	var err error
	if s.taskRoot, err = s.group.TempDir("task"); err != nil {
		return err
	}
	rules, err := s.rules()
	if err != nil {
		return err
	}
	var functions []lambdahost.Function
	for _, name := range s.functionNames() {
		program := name
		if name == LoadSnowflake {
			program = "load"
		}
		function, err := s.function(name, filepath.Join(binaries, program, "bootstrap"))
		if err != nil {
			return err
		}
		functions = append(functions, function)
	}
	s.Functions, err = lambdahost.New(lambdahost.Options{
		Functions: functions, Group: s.group, Log: s.options.FunctionLog,
		RetryDelays: s.options.RetryDelays, OnStart: s.options.OnStart, OnResult: s.options.OnResult,
		OnDeadLetter: s.deadLetters.add,
	})
	if err != nil {
		return err
	}
	s.onClose(s.Functions.Close)
	s.Events = bus.New(bus.Options{
		Rules: rules, Deliver: s.Functions.InvokeAsync, Stat: s.stat,
		Region: Region, Account: Account, Duplicate: s.options.Duplicate, Log: s.options.Log,
	})
	s.onClose(s.Events.Close)
	return nil
}

func (s *Stack) functionNames() []string {
	names := []string{"extract", "header", "load"}
	if s.options.Snowflake {
		names = append(names, LoadSnowflake)
	}
	return names
}

// function lays out a task root like the one that the build makes.
func (s *Stack) function(name, bootstrap string) (lambdahost.Function, error) {
	dir := filepath.Join(s.taskRoot, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return lambdahost.Function{}, err
	}
	if err := os.Symlink(bootstrap, filepath.Join(dir, "bootstrap")); err != nil {
		return lambdahost.Function{}, err
	}
	if err := os.Symlink(s.RDS.CAFile(), filepath.Join(dir, "global-bundle.pem")); err != nil {
		return lambdahost.Function{}, err
	}
	return lambdahost.Function{
		Name: name, Dir: dir, Env: s.environmentOf(name), Timeout: Timeout, MemoryMB: 2048,
	}, nil
}

// rules are the template's for the functions that are there, which it calls by
// names of its own.
func (s *Stack) rules() ([]bus.Rule, error) {
	loaded, err := template.Load(filepath.Join(s.options.Root, "template.yaml"), map[string]string{"StagingBucket": Bucket})
	if err != nil {
		return nil, err
	}
	var rules []bus.Rule
	for _, rule := range loaded.Rules() {
		if name := functionName(rule.Function); slices.Contains(s.functionNames(), name) {
			rules = append(rules, bus.Rule{Function: name, Matches: rule.Pattern.Matches})
		}
	}
	return rules, nil
}

// stat asks the S3 server itself, past whatever stands before it.
func (s *Stack) stat(ctx context.Context, bucket, key string) (int64, string, string, error) {
	head, err := s.s3Client.HeadObject(ctx, &s3client.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
	if err != nil {
		return 0, "", "", err
	}
	return aws.ToInt64(head.ContentLength), aws.ToString(head.ETag), aws.ToString(head.VersionId), nil
}

// Timeout is how long an invocation may run, as the template says.
const Timeout = 15 * time.Minute

// Apart returns a host of one function, with variables that differ from what the
// stack gives it, and whose invocations may run for timeout. The caller closes
// it before the stack.
func (s *Stack) Apart(name string, env []string, timeout time.Duration) (*lambdahost.Host, error) {
	return lambdahost.New(lambdahost.Options{
		Group: s.group, Log: s.options.FunctionLog, OnResult: s.options.OnResult,
		Functions: []lambdahost.Function{{
			Name: name, Dir: filepath.Join(s.taskRoot, name), Env: append(s.environmentOf(name), env...), Timeout: timeout,
		}},
	})
}

// InvokeAs invokes a function in an environment of its own, with variables that
// differ from what the stack gives it.
func (s *Stack) InvokeAs(ctx context.Context, name string, env []string, payload []byte) (result lambdahost.Result, err error) {
	host, err := s.Apart(name, env, Timeout)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, host.Close()) }()
	return host.Invoke(ctx, name, payload)
}

// DeadLetters returns the events that were given up so far.
func (s *Stack) DeadLetters() []lambdahost.DeadLetter { return s.deadLetters.all() }

// BuildFunctions builds the functions for this machine, with the flags that
// they are deployed with, which the Makefile alone knows.
func BuildFunctions(ctx context.Context, root, out string) error {
	cmd := exec.CommandContext(ctx, "make", "--no-print-directory", "-s", "functions", "OUT="+out)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building the functions: %w\n%s", err, output)
	}
	return nil
}

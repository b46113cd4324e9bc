package storm

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

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	s3client "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/stagelift/stagelift/local/process"
	"github.com/stagelift/stagelift/local/rds"
	"github.com/stagelift/stagelift/local/s3"
)

const (
	region    = "eu-central-1"
	accessKey = "AKIALAPTOPSTAGELIFT0"
	bucket    = "stagelift-storm"
	prefix    = "stage/"
	user      = "stagelift"
)

// world is the servers that live as long as the storm: one PostgreSQL, one S3
// server, and a database for each lane.
type world struct {
	group    *process.Group
	rds      *rds.Instance
	s3       *s3.Server
	client   *s3client.Client
	secret   string
	taskRoot string
	closers  []func() error
}

// openWorld starts the servers. It leaves nothing behind when it fails.
func openWorld(ctx context.Context, o Options) (*world, error) {
	group, err := process.NewGroup()
	if err != nil {
		return nil, err
	}
	w := &world{group: group, secret: rand.Text()}
	for _, start := range []func(context.Context, Options) error{w.startRDS, w.startS3, w.layOut} {
		if err := start(ctx, o); err != nil {
			return nil, errors.Join(err, w.close())
		}
	}
	return w, nil
}

func (w *world) close() error {
	var problems []error
	for _, v := range slices.Backward(w.closers) {
		problems = append(problems, v())
	}
	return errors.Join(append(problems, w.group.Close())...)
}

func (w *world) startRDS(ctx context.Context, _ Options) error {
	var err error
	w.rds, err = rds.Start(ctx, w.group, rds.Options{
		Region: region, AccessKey: accessKey, SecretKey: w.secret, Database: "postgres", User: user,
		Settings: map[string]string{
			"max_connections": "300", "max_prepared_transactions": "50", "deadlock_timeout": "100ms",
			"autovacuum_naptime": "5s",
		},
	})
	if err != nil {
		return err
	}
	w.closers = append(w.closers, w.rds.Close)
	return nil
}

func (w *world) startS3(ctx context.Context, o Options) error {
	binary, err := s3.Build(ctx, o.Root, filepath.Join(o.Root, ".local", "bin"))
	if err != nil {
		return err
	}
	dir, err := w.group.TempDir("s3")
	if err != nil {
		return err
	}
	w.s3, err = s3.Start(ctx, s3.Options{
		Binary: binary, Dir: dir, AccessKey: accessKey, SecretKey: w.secret, Region: region, Log: io.Discard,
	})
	if err != nil {
		return err
	}
	w.closers = append(w.closers, w.s3.Close)
	w.client = s3client.NewFromConfig(aws.Config{
		Region: region, BaseEndpoint: aws.String(w.s3.Endpoint()),
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, w.secret, ""),
	}, func(o *s3client.Options) { o.UsePathStyle = true })
	if _, err := w.client.CreateBucket(ctx, &s3client.CreateBucketInput{Bucket: aws.String(bucket)}); err != nil {
		return fmt.Errorf("creating bucket %s: %w", bucket, err)
	}
	return nil
}

// layOut makes the task root: the binary that was given, or the one that is
// built from the sources with the flags of its deployment.
func (w *world) layOut(ctx context.Context, o Options) error {
	bootstrap := o.Binary
	if bootstrap == "" {
		out := filepath.Join(o.Root, ".local", "bin")
		cmd := exec.CommandContext(ctx, "make", "--no-print-directory", "-s", "functions", "FUNCTIONS=extract", "OUT="+out)
		cmd.Dir, cmd.Env = o.Root, append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=")
		if output, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("building extract: %w\n%s", err, output)
		}
		bootstrap = filepath.Join(out, "extract")
	}
	bootstrap, err := filepath.Abs(bootstrap)
	if err != nil {
		return err
	}
	if info, err := os.Stat(bootstrap); err == nil && info.IsDir() {
		bootstrap = filepath.Join(bootstrap, "bootstrap")
	}
	if w.taskRoot, err = w.group.TempDir("task"); err != nil {
		return err
	}
	for name, target := range map[string]string{"bootstrap": bootstrap, "global-bundle.pem": w.rds.CAFile()} {
		if err := os.Symlink(target, filepath.Join(w.taskRoot, name)); err != nil {
			return fmt.Errorf("laying out the task root: %w", err)
		}
	}
	return nil
}

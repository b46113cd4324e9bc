// Command versitygw is the S3 server of the laptop stack: versitygw with its
// posix backend, on one loopback port. It is a module of its own, so that what
// it depends on stays out of the functions.
//
// Package s3, one folder up, builds and starts it. Credentials come from the
// environment; the process ends on SIGTERM, on an interrupt and when its
// standard input ends, which happens when its parent dies, however it dies.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
	"github.com/versity/versitygw/s3api"
)

// shutdownLimit bounds an orderly end: open keep-alive connections would
// otherwise hold the server for seconds that nobody wants to wait.
const shutdownLimit = time.Second

// maxCopySource is S3's own bound on what one CopyObject or UploadPartCopy may
// read, 5 GiB. The backend's default is 0.
const maxCopySource = 5 << 30

func main() {
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	go func() {
		<-ctx.Done()
		time.Sleep(shutdownLimit)
		os.Exit(0)
	}()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, context.Canceled) {
		log.Fatalf("running the S3 server: %v", err)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("versitygw", flag.ContinueOnError)
	listen := flags.String("listen", "", "loopback `address:port` to listen on")
	dir := flags.String("dir", "", "absolute `directory` for the buckets")
	region := flags.String("region", "us-east-1", "`region` that requests must be signed for")
	reports := flags.Uint("reports", 0, "`file descriptor` to report to, inherited from the parent; 0 for none")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := check(*listen, *dir); err != nil {
		return err
	}
	if err := (meta.XattrMeta{}).Test(*dir); err != nil {
		return fmt.Errorf("storing extended attributes in %s, which hold an object's metadata (use a directory on ext4, xfs or APFS): %w", *dir, err)
	}
	store, err := posix.New(*dir, attributes{}, posix.PosixOpts{Concurrency: 500, CopyObjectThreshold: maxCopySource})
	if err != nil {
		return err
	}
	report := newReporter(*reports)
	return embedgw.RunVersityGW(ctx, observed{Backend: store, report: report, completed: &sync.Map{}}, &embedgw.Config{
		RootUserAccess:    os.Getenv("ROOT_ACCESS_KEY"),
		RootUserSecret:    os.Getenv("ROOT_SECRET_KEY"),
		Region:            *region,
		Ports:             []string{*listen},
		MaxConnections:    10000, // clients keep idle ones, and one too many is told 503
		MaxRequests:       1000,
		MultipartMaxParts: 10000,
		Quiet:             true,
		KeepAlive:         true,
		S3Options:         []s3api.Option{s3api.WithOnListen(report.ready)},
	})
}

// check refuses what would serve more than this machine, and a relative path:
// the backend changes the working directory.
func check(listen, dir string) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("reading -listen: %w", err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("reading -listen: %q is not a loopback address", listen)
	}
	if !filepath.IsAbs(dir) {
		return fmt.Errorf("reading -dir: %q is not an absolute path", dir)
	}
	return nil
}

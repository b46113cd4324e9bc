// Command local runs Stagelift on a laptop: the functions that are deployed,
// against a real PostgreSQL, a real S3 server and a stand-in for Redshift.
//
//	go run ./local up                      start everything, stay until Ctrl-C
//	go run ./local invoke extract FILE     invoke one function of the running stack
//	go run ./local demo                    the whole way with sample data, checked
//
// Nothing outlives the command: processes are ended and files removed, on
// Ctrl-C and on a crash alike.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/stagelift/stagelift/local/demo"
	"github.com/stagelift/stagelift/local/process"
)

const usage = `usage:
  go run ./local up [-duplicate-events]
  go run ./local invoke FUNCTION EVENT-FILE
  go run ./local demo`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	ctx, release := process.WithParent(ctx)
	err := run(ctx, os.Args[1:])
	release()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "stagelift:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	root, err := findRoot()
	if err != nil {
		return err
	}
	if len(args) == 0 {
		return errors.New(usage)
	}
	switch command, rest := args[0], args[1:]; command {
	case "up":
		flags := flag.NewFlagSet("up", flag.ContinueOnError)
		flags.SetOutput(io.Discard)
		duplicate := flags.Bool("duplicate-events", false, "deliver every event twice")
		if err := flags.Parse(rest); err != nil || flags.NArg() > 0 {
			return errors.New(usage)
		}
		return up(ctx, root, *duplicate)
	case "invoke":
		if len(rest) != 2 {
			return errors.New(usage)
		}
		return invoke(ctx, root, rest[0], rest[1])
	case "demo":
		if len(rest) != 0 {
			return errors.New(usage)
		}
		return demo.Run(ctx, root, os.Stdout)
	}
	return errors.New(usage)
}

// findRoot finds the project's folder from the working directory upwards.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "template.yaml")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no template.yaml here or above: run this inside the project's folder")
		}
		dir = parent
	}
}

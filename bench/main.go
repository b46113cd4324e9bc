// Command bench measures what the functions promise, on the laptop stack, as
// ratios to peers in the same run: these machines are noisy, and a time alone
// says nothing. It prints; it never fails for a number.
//
//	go run ./bench [-rows 5000000] [-rounds 3]
//
// Measured are the time of extract in each format against psql's COPY of the
// same table to /dev/null, psql into aws s3 cp, and pandas; the peak memory of
// extract for tables of three sizes; what header moves of an object of a GiB,
// against reading and uploading all of it; the time from the start of each
// bootstrap to its first poll; and the size of each zip.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/stagelift/stagelift/local/process"
	"github.com/stagelift/stagelift/local/stack"
)

func main() {
	rows := flag.Int("rows", 5_000_000, "rows of the large table; the small one has a fifth")
	rounds := flag.Int("rounds", 3, "times that each is taken; the least counts")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	ctx, release := process.WithParent(ctx)
	err := run(ctx, *rows, *rounds)
	release()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is a stack with two tables.
type bench struct {
	*stack.Stack
	rounds int
	// large and small are the numbers of rows.
	large, small int
}

func run(ctx context.Context, rows, rounds int) (err error) {
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	s, err := stack.Start(ctx, stack.Options{Root: root, Step: step, Deaf: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	b := &bench{Stack: s, rounds: max(rounds, 1), large: rows, small: rows / 5}
	for _, measure := range []func(context.Context) error{b.fill, b.speed, b.memory, b.header, b.coldStart} {
		if err := measure(ctx); err != nil {
			return err
		}
	}
	return zips(ctx, root, s.RDS.CAFile())
}

func step(what string) { fmt.Fprintln(os.Stderr, "…", what) }

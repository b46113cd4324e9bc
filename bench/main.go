// Command bench measures what the functions promise, on the laptop stack, as
// ratios to peers in the same run: these machines are noisy, and a time alone
// says nothing. It prints; it never fails for a number.
//
//	go run ./bench [-rows 5000000] [-rounds 3] [-only speed,memory,header,start,size]
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
	"strings"

	"github.com/stagelift/stagelift/local/process"
	"github.com/stagelift/stagelift/local/stack"
)

func main() {
	rows := flag.Int("rows", 5_000_000, "rows of the large table; the small one has a fifth")
	rounds := flag.Int("rounds", 3, "times that each is taken; the least counts")
	only := flag.String("only", "", "what to measure, of speed, memory, header, start and size, between commas (default all)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	ctx, release := process.WithParent(ctx)
	err := run(ctx, *rows, *rounds, *only)
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
	root   string
	rounds int
	// large and small are the numbers of rows.
	large, small int
}

func run(ctx context.Context, rows, rounds int, only string) (err error) {
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	s, err := stack.Start(ctx, stack.Options{Root: root, Step: step, Deaf: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	b := &bench{Stack: s, root: root, rounds: max(rounds, 1), large: rows, small: rows / 5}
	measures, err := b.chosen(only)
	if err != nil {
		return err
	}
	for _, measure := range measures {
		if err := measure(ctx); err != nil {
			return err
		}
	}
	return nil
}

// chosen returns what only names, in the order in which it is measured.
func (b *bench) chosen(only string) ([]func(context.Context) error, error) {
	all := []struct {
		name    string
		measure func(context.Context) error
	}{{"speed", b.speed}, {"memory", b.memory}, {"header", b.header}, {"start", b.coldStart}, {"size", b.zips}}
	wanted := map[string]bool{}
	for name := range strings.SplitSeq(only, ",") {
		wanted[strings.TrimSpace(name)] = true
	}
	delete(wanted, "")
	everything := len(wanted) == 0
	var chosen []func(context.Context) error
	if everything || wanted["speed"] || wanted["memory"] {
		chosen = append(chosen, b.fill)
	}
	for _, a := range all {
		if everything || wanted[a.name] {
			chosen = append(chosen, a.measure)
		}
		delete(wanted, a.name)
	}
	for name := range wanted {
		return nil, fmt.Errorf("-only names %q; there are speed, memory, header, start and size", name)
	}
	return chosen, nil
}

func step(what string) { fmt.Fprintln(os.Stderr, "…", what) }

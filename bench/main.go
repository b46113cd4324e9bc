// Command bench measures what the functions promise, on the laptop stack, as
// ratios to peers in the same run: these machines are noisy, and a time alone
// says nothing. It prints; it never fails for a number.
//
//	go run ./bench [-rows 5000000] [-rounds 3] [-copy 10s,30s] [-only speed,memory,header,start,size,load]
//	go run ./bench -only pairs -before /path/to/another/extract/bootstrap
//
// Measured are the time of extract in each format against psql's COPY of the
// same table to /dev/null, psql into aws s3 cp, and pandas; the peak memory of
// extract for tables of three sizes; what header moves of an object of a GiB,
// against reading and uploading all of it; the time from the start of each
// bootstrap to its first poll; the size of each zip; and what a load costs
// besides the warehouse's work: the time around it, what Lambda bills while COPY
// lasts, and how many loads a thousand small objects make. Where it is asked for,
// extract is compared with another build of itself.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/stagelift/stagelift/local/process"
	"github.com/stagelift/stagelift/local/stack"
)

func main() {
	rows := flag.Int("rows", 5_000_000, "rows of the large table; the small one has a fifth")
	rounds := flag.Int("rounds", 3, "times that each is taken; the least counts")
	only := flag.String("only", "", "what to measure, of speed, memory, header, start, size, load and pairs, between commas (default all but pairs)")
	before := flag.String("before", "", "the bootstrap of another build of extract, which pairs compares with this one")
	copies := durations{10 * time.Second, 30 * time.Second}
	flag.Var(&copies, "copy", "how long COPY takes in load, between commas")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	ctx, release := process.WithParent(ctx)
	err := run(ctx, &bench{rounds: max(*rounds, 1), large: *rows, small: *rows / 5, copies: copies, before: *before}, *only)
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
	// copies are how long COPY is made to take.
	copies []time.Duration
	// before is the bootstrap of another build of extract.
	before string
}

type measure func(context.Context) error

func run(ctx context.Context, b *bench, only string) (err error) {
	if b.root, err = os.Getwd(); err != nil {
		return err
	}
	shared, own, err := b.chosen(only)
	if err != nil {
		return err
	}
	if len(shared) > 0 {
		if err := b.onStack(ctx, shared); err != nil {
			return err
		}
	}
	return each(ctx, own)
}

// onStack measures on one stack, which is gone afterwards.
func (b *bench) onStack(ctx context.Context, measures []measure) (err error) {
	if b.Stack, err = stack.Start(ctx, stack.Options{Root: b.root, Step: step, Deaf: true}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	return each(ctx, measures)
}

func each(ctx context.Context, measures []measure) error {
	for _, measure := range measures {
		if err := measure(ctx); err != nil {
			return err
		}
	}
	return nil
}

// chosen returns what only names, in the order in which it is measured: what
// shares a stack, and what has one of its own.
func (b *bench) chosen(only string) (shared, own []measure, err error) {
	all := []struct {
		name string
		measure
	}{{"speed", b.speed}, {"memory", b.memory}, {"header", b.header}, {"start", b.coldStart}, {"size", b.zips}, {"pairs", b.beforeAndNow}}
	wanted := map[string]bool{}
	for name := range strings.SplitSeq(only, ",") {
		wanted[strings.TrimSpace(name)] = true
	}
	delete(wanted, "")
	everything := len(wanted) == 0
	if everything || wanted["speed"] || wanted["memory"] || wanted["pairs"] {
		shared = append(shared, b.fill)
	}
	for _, a := range all {
		if everything && a.name != "pairs" || wanted[a.name] {
			shared = append(shared, a.measure)
		}
		delete(wanted, a.name)
	}
	if everything || wanted["load"] {
		own = append(own, b.load)
	}
	delete(wanted, "load")
	for name := range wanted {
		return nil, nil, fmt.Errorf("-only names %q; there are speed, memory, header, start, size, load and pairs", name)
	}
	return shared, own, nil
}

// durations is a list of them, between commas.
type durations []time.Duration

func (d *durations) String() string {
	var list []string
	for _, one := range *d {
		list = append(list, one.String())
	}
	return strings.Join(list, ",")
}

func (d *durations) Set(text string) error {
	*d = nil
	for one := range strings.SplitSeq(text, ",") {
		took, err := time.ParseDuration(strings.TrimSpace(one))
		if err == nil && took <= 0 {
			err = errors.New("want more than nothing")
		}
		if err != nil {
			return err
		}
		*d = append(*d, took)
	}
	return nil
}

func step(what string) { fmt.Fprintln(os.Stderr, "…", what) }

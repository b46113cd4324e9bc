// Command run plays a storm around extract, prints what it adds up to, and ends
// with status 1 when anything was lost, doubled, mixed or wrong, 2 when the storm
// itself failed or published too little.
//
//	go run ./local/storm/run [-rounds 100] [-seed 1] [-first 1] [-binary path] [-lanes 5]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/stagelift/stagelift/local/process"
	"github.com/stagelift/stagelift/local/storm"
)

func main() {
	o := storm.Options{Out: os.Stdout}
	flag.IntVar(&o.Rounds, "rounds", 100, "how many rounds are played")
	flag.Uint64Var(&o.Seed, "seed", 1, "what the rounds are drawn from")
	flag.IntVar(&o.First, "first", 1, "the number of the first round")
	flag.IntVar(&o.Lanes, "lanes", 5, "how many rounds are played at once")
	flag.StringVar(&o.Binary, "binary", "", "extract's bootstrap, or its folder (default: built from here)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ctx, release := process.WithParent(ctx)
	status := run(ctx, o)
	release()
	stop()
	os.Exit(status)
}

func run(ctx context.Context, o storm.Options) int {
	var err error
	if o.Root, err = os.Getwd(); err != nil {
		fmt.Fprintln(os.Stderr, "storm:", err)
		return 2
	}
	fmt.Printf("seed %d, rounds %d to %d\n", o.Seed, o.First, o.First+o.Rounds-1)
	tally, err := storm.Run(ctx, o)
	fmt.Println()
	tally.Print(os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "storm:", err)
	}
	switch {
	case tally.Failed():
		fmt.Printf("what is known of round n lies in .local/storm/seed-%d-round-n; play it again with FIRST=n ROUNDS=1 SEED=%[1]d\n", o.Seed)
		return 1
	case err != nil:
		return 2
	}
	return 0
}

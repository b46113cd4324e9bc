package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/stagelift/stagelift/local/lambdahost"
	"github.com/stagelift/stagelift/local/stack"
	"github.com/stagelift/stagelift/shared/load"
	"github.com/stagelift/stagelift/shared/warehouse"
)

const (
	// shortLimit is the limit of an invocation that a COPY shall outlast. The
	// function keeps five seconds of it back, as it does of fifteen minutes.
	shortLimit = 15 * time.Second
	// loadMemory is what the template gives the function, in GB, and
	// priceSecond what a second of a GB costs in dollars (Lambda pricing, arm64
	// in us-east-1, without the free tier).
	loadMemory  = 0.25
	priceSecond = 0.0000133334
	// longestPause is the longest between two looks at a load (package load).
	longestPause = 5 * time.Second
	// computedFor is a COPY that is computed where none so long was measured.
	computedFor = 10 * time.Minute
)

// asking is how a load is asked for, and for how long one invocation may run.
type asking struct {
	name  string
	event bool
	limit time.Duration
}

var askings = []asking{
	{"by event, one invocation may run for 15 min", true, stack.Timeout},
	{"by request and handle, one may run for 15 s", false, shortLimit},
}

// bill is what a load took of Lambda.
type bill struct {
	copy        time.Duration
	invocations []time.Duration
}

func (b bill) total() time.Duration {
	var total time.Duration
	for _, one := range b.invocations {
		total += one
	}
	return total
}

// account is what one target was asked for in one way.
type account struct {
	target
	asking
	bills []bill
}

// billed measures what Lambda bills of a load while the warehouse takes its time
// over COPY, for each of the times.
func (l *loading) billed(ctx context.Context, copies []time.Duration) error {
	if err := l.payAll(ctx, l.accounts(askings[0]), 0); err != nil { // creates the targets
		return err
	}
	var accounts []account
	for _, a := range askings {
		both := l.accounts(a)
		for _, c := range copies {
			step(fmt.Sprintf("measuring what a COPY of %v bills, %s", c, a.name))
			if err := l.payAll(ctx, both, c); err != nil {
				return err
			}
		}
		accounts = append(accounts, both...)
	}
	for _, t := range l.targets() {
		if err := want(ctx, t, `"public"."held"`, (1+len(askings)*len(copies))*loadedRows); err != nil {
			return err
		}
	}
	fmt.Printf("\nload, billed while the warehouse is at it, at %g GB\n  %-54s %7s  %11s  %10s  %9s  %s\n",
		loadMemory, "", "COPY, s", "invocations", "longest, s", "billed, s", "dollars")
	for _, a := range accounts {
		a.print()
	}
	fmt.Printf("  Computed is from COPY alone to COPY, what was billed beyond it at the least, and the longest pause between two looks, %v.\n", longestPause)
	return nil
}

// accounts are empty ones of all targets.
func (l *loading) accounts(a asking) []account {
	var list []account
	for _, t := range l.targets() {
		list = append(list, account{target: t, asking: a})
	}
	return list
}

// payAll has one receipt loaded in each of the accounts, at the same time:
// waiting costs this machine nothing.
func (l *loading) payAll(ctx context.Context, accounts []account, c time.Duration) error {
	receipt, err := l.publish(ctx, "held")
	if err != nil {
		return err
	}
	l.hold.Store(int64(c))
	defer l.hold.Store(0)
	group, ctx := errgroup.WithContext(ctx)
	for i := range accounts {
		group.Go(func() error {
			paid, err := l.pay(ctx, accounts[i].target, accounts[i].asking, receipt)
			accounts[i].bills = append(accounts[i].bills, paid)
			return err
		})
	}
	return group.Wait()
}

func (a account) print() {
	least, longest := longestPause, time.Duration(0)
	for _, b := range a.bills {
		least, longest = min(least, b.total()-b.copy), max(longest, b.copy)
		fmt.Printf("  %-9s %-44s %7.1f  %11d  %10.1f  %9.3f  %.6f\n", a.target.name, a.asking.name, b.copy.Seconds(), len(b.invocations),
			slices.Max(b.invocations).Seconds(), b.total().Seconds(), dollars(b.total()))
	}
	if a.event && longest < computedFor {
		most := computedFor + least + longestPause
		fmt.Printf("  %-9s %-44s %7.1f  %11d  %10s  %5.1f–%.1f  %.6f at the most\n",
			a.target.name, "computed, not measured", computedFor.Seconds(), 1, "the same", computedFor.Seconds(), most.Seconds(), dollars(most))
	}
}

func dollars(d time.Duration) float64 { return d.Seconds() * loadMemory * priceSecond }

// pay has one receipt loaded, in a process of its own that has still to start,
// and asks again with the handle, at once, for as long as it is told to.
func (l *loading) pay(ctx context.Context, t target, a asking, receipt string) (bill, error) {
	before := len(t.statements())
	var b bill
	host, err := l.Apart(t.function, nil, a.limit)
	if err != nil {
		return b, err
	}
	defer func() { _ = host.Close() }() // never fails
	loaded := load.Loaded{State: warehouse.Running}
	for loaded.State == warehouse.Running {
		payload, err := l.ask(ctx, a, receipt, loaded.Handle)
		if err != nil {
			return b, err
		}
		result, err := host.Invoke(ctx, t.function, payload)
		if err != nil {
			return b, err
		}
		if loaded, err = loadedOne(result); err != nil {
			return b, fmt.Errorf("%s: %w", t.name, err)
		}
		b.invocations = append(b.invocations, result.Billed())
	}
	for _, s := range t.statements()[before:] {
		if s.copies > 0 {
			b.copy = s.ended.Sub(s.submitted)
		}
	}
	return b, nil
}

func (l *loading) ask(ctx context.Context, a asking, receipt, handle string) ([]byte, error) {
	if !a.event {
		return json.Marshal(load.Request{Bucket: stack.Bucket, Key: receipt, Handle: handle})
	}
	event, err := l.event(ctx, receipt)
	return event.EventBridge(), err
}

// loadedOne reads the answer of an invocation that had one load to do.
func loadedOne(result lambdahost.Result) (load.Loaded, error) {
	if result.Error != nil {
		return load.Loaded{}, result.Error
	}
	var answer load.Answer
	if err := json.Unmarshal(result.Payload, &answer); err != nil {
		return load.Loaded{}, fmt.Errorf("reading what load answered: %w", err)
	}
	if len(answer.Loads) != 1 {
		return load.Loaded{}, fmt.Errorf("load answered %s, want one load", result.Payload)
	}
	return answer.Loads[0], nil
}

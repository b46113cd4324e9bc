// Package bus turns the creation of objects into invocations of functions: it
// stands between the S3 server and the Lambda host as EventBridge stands
// between S3 and Lambda.
//
// For every object that it is told of, it asks S3 for the size and the ETag,
// builds the event and hands it to each rule that matches, for delivery.
// Events come in no promised order, and with Options.Duplicate each comes
// twice, as EventBridge may deliver any event again.
//
// What an event says of an object is true at the moment of asking, not of the
// creation: of two quick writes of one key, both events may tell the second.
// An event that cannot be delivered is logged and lost, where EventBridge would
// go on trying for a day.
package bus

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

const (
	// statTimeout bounds the asking for one object.
	statTimeout = 30 * time.Second
	// maxStats is how many objects are asked for at a time.
	maxStats = 16
	// duplicateDelay is the moment between two deliveries of one event: long
	// enough for the first to be under way, short enough to meet it there.
	duplicateDelay = 50 * time.Millisecond
)

// Rule sends events to a function.
type Rule struct {
	// Function is invoked with the event as its payload.
	Function string
	// Matches says whether the rule takes an event, given in EventBridge's form.
	// It may be called from several goroutines.
	Matches func(event []byte) (bool, error)
}

// Options configure a Bus.
type Options struct {
	// Rules are looked at one by one; each that matches gets the event.
	Rules []Rule
	// Deliver hands over an invocation without waiting for its end. The payload
	// is its to keep and not to change.
	Deliver func(function string, payload []byte) error
	// Stat asks S3 for an object; version is empty in a bucket without versions.
	// An etag may come in its quotes. When it fails, the object being gone above
	// all, there is no event.
	Stat func(ctx context.Context, bucket, key string) (size int64, etag, version string, err error)
	// Region and Account are those of the buckets; empty is us-east-1 and
	// 123456789012.
	Region, Account string
	// Duplicate delivers every event a second time a moment later, with the same
	// id and the same bytes.
	Duplicate bool
	// Log gets a line for every event that is lost; nil discards them.
	Log io.Writer
}

// Bus delivers events. Its methods may be called from several goroutines.
type Bus struct {
	options Options
	// ctx ends with Close.
	ctx    context.Context
	cancel context.CancelFunc
	stats  chan struct{}
	// logging is apart from mu, so that a slow log does not hold up S3.
	logging sync.Mutex

	mu      sync.Mutex
	closed  bool
	pending int
	// changed tells that pending has fallen.
	changed *sync.Cond
	// sequence is the last sequencer given out.
	sequence int64
}

// New returns a bus.
func New(o Options) *Bus {
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	if o.Account == "" {
		o.Account = "123456789012"
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	b := &Bus{options: o, stats: make(chan struct{}, maxStats)}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	b.changed = sync.NewCond(&b.mu)
	return b
}

// ObjectCreated tells the bus of a new object and returns at once. A closed bus
// does nothing with it.
func (b *Bus) ObjectCreated(bucket, key string) {
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	// The clock makes it grow from one start of the stack to the next.
	b.sequence = max(b.sequence+1, now.UnixNano())
	b.pending++
	go b.announce(Event{
		ID:        newUUID(),
		Time:      now,
		Region:    b.options.Region,
		Account:   b.options.Account,
		Bucket:    bucket,
		Key:       key,
		Sequencer: fmt.Sprintf("%016X", b.sequence),
	})
}

func (b *Bus) announce(e Event) {
	defer b.finish()
	if err := b.complete(&e); err != nil {
		if b.ctx.Err() == nil {
			b.logf("no event for s3://%s/%s: %v", e.Bucket, e.Key, err)
		}
		return
	}
	payload := e.EventBridge()
	functions := b.match(e, payload)
	b.deliver(e, functions, payload)
	if b.options.Duplicate && len(functions) > 0 && b.pause() {
		b.deliver(e, functions, payload)
	}
}

// complete fills in what only S3 knows.
func (b *Bus) complete(e *Event) error {
	select {
	case b.stats <- struct{}{}:
		defer func() { <-b.stats }()
	case <-b.ctx.Done():
		return b.ctx.Err()
	}
	ctx, cancel := context.WithTimeout(b.ctx, statTimeout)
	defer cancel()
	var err error
	e.Size, e.ETag, e.VersionID, err = b.options.Stat(ctx, e.Bucket, e.Key)
	e.ETag = strings.Trim(e.ETag, `"`)
	return err
}

func (b *Bus) match(e Event, payload []byte) []string {
	var functions []string
	for _, rule := range b.options.Rules {
		matches, err := rule.Matches(payload)
		if err != nil {
			b.logf("event %s for s3://%s/%s is lost for %s: matching its rule: %v", e.ID, e.Bucket, e.Key, rule.Function, err)
		}
		if matches && err == nil {
			functions = append(functions, rule.Function)
		}
	}
	return functions
}

func (b *Bus) deliver(e Event, functions []string, payload []byte) {
	for _, function := range functions {
		if err := b.options.Deliver(function, payload); err != nil {
			b.logf("event %s for s3://%s/%s is lost for %s: delivering: %v", e.ID, e.Bucket, e.Key, function, err)
		}
	}
}

// pause is false when the bus was closed meanwhile.
func (b *Bus) pause() bool {
	timer := time.NewTimer(duplicateDelay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-b.ctx.Done():
		return false
	}
}

func (b *Bus) logf(format string, args ...any) {
	b.logging.Lock()
	defer b.logging.Unlock()
	_, _ = fmt.Fprintf(b.options.Log, format+"\n", args...)
}

func (b *Bus) finish() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pending--
	b.changed.Broadcast()
}

// Idle waits until every object told of so far has been delivered, its
// duplicate too, or dropped. What the functions then do is the Lambda host's to
// wait for.
func (b *Bus) Idle(ctx context.Context) error {
	wake := context.AfterFunc(ctx, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.changed.Broadcast()
	})
	defer wake()
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.pending > 0 && ctx.Err() == nil {
		b.changed.Wait()
	}
	if b.pending > 0 {
		return fmt.Errorf("waiting for %d events: %w", b.pending, context.Cause(ctx))
	}
	return nil
}

// Close drops the events that are not delivered yet and returns once nothing of
// the bus runs any more.
func (b *Bus) Close() error {
	b.cancel()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for b.pending > 0 {
		b.changed.Wait()
	}
	return nil
}

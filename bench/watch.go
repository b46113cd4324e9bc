package main

import (
	"context"
	"errors"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/stagelift/stagelift/local/bus"
	"github.com/stagelift/stagelift/local/stack"
)

// watch sees what goes in and out of the functions that load: objects as they
// appear, invocations as they begin, and COPY, which it can hold up.
type watch struct {
	// hold is how long COPY takes longer than it does.
	hold atomic.Int64
	// kept gets the moment of each outcome.
	kept chan time.Time

	mu        sync.Mutex
	published map[string]time.Time // by the receipt's key
	begins    map[string]time.Time // the last one, by function
	events    *bus.Bus             // that hears of objects; nil is nobody
}

func newWatch() *watch {
	return &watch{kept: make(chan time.Time, 100), published: map[string]time.Time{}, begins: map[string]time.Time{}}
}

// created is told of every object.
func (w *watch) created(bucket, key string) {
	now := time.Now()
	if strings.Contains(key, "/_loads/") {
		select {
		case w.kept <- now:
		default: // nobody asks for it
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if path.Base(key) == "receipt.json" {
		w.published[key] = now
	}
	if w.events != nil {
		w.events.ObjectCreated(bucket, key)
	}
}

// begun is told of every invocation.
func (w *watch) begun(function, _ string, _ int) {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begins[function] = now
}

// deliverTo has events hear of new objects from now on, in place of before,
// which is closed.
func (w *watch) deliverTo(events, before *bus.Bus) {
	w.mu.Lock()
	w.events = events
	w.mu.Unlock()
	if before != nil {
		_ = before.Close() // never fails
	}
}

// outcomeOf waits for the outcome of the load of a receipt, and returns what of
// its moments is seen from here.
func (w *watch) outcomeOf(ctx context.Context, function, receipt string) (moments, error) {
	const patience = time.Minute
	var m moments
	select {
	case m.kept = <-w.kept:
	case <-ctx.Done():
		return m, context.Cause(ctx)
	case <-time.After(patience):
		return m, errors.New("no outcome of " + receipt + " after a minute")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	m.published, m.begun = w.published[receipt], w.begins[function]
	return m, nil
}

// holdCopy is a warehouse that takes its time.
func (w *watch) holdCopy(ctx context.Context, _ string, _ int, sql string) error {
	if !strings.HasPrefix(sql, "COPY ") {
		return nil
	}
	select {
	case <-time.After(time.Duration(w.hold.Load())):
	case <-ctx.Done():
	}
	return nil
}

func (l *loading) stat(ctx context.Context, bucket, key string) (size int64, etag, version string, err error) {
	head, err := l.S3Client().HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
	if err != nil {
		return 0, "", "", err
	}
	return aws.ToInt64(head.ContentLength), aws.ToString(head.ETag), aws.ToString(head.VersionId), nil
}

// event is what EventBridge sends of an object.
func (l *loading) event(ctx context.Context, key string) (bus.Event, error) {
	size, etag, version, err := l.stat(ctx, stack.Bucket, key)
	return bus.Event{
		ID: "00000000-0000-4000-8000-000000000000", Time: time.Now(), Region: stack.Region, Account: stack.Account,
		Bucket: stack.Bucket, Key: key, Size: size, ETag: strings.Trim(etag, `"`), VersionID: version, Sequencer: "00",
	}, err
}

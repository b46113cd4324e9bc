package stack

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	s3client "github.com/aws/aws-sdk-go-v2/service/s3"
)

// markBucket holds objects that mark a moment; no rule asks for them.
const markBucket = "stagelift-marks"

// created is told of every new object, in the order in which they appeared.
func (s *Stack) created(bucket, key string) {
	if bucket == markBucket {
		if seen, waiting := s.marks.LoadAndDelete(key); waiting {
			close(seen.(chan struct{}))
		}
		return
	}
	if s.options.OnCreated != nil {
		s.options.OnCreated(bucket, key)
	}
	if s.Events != nil && !s.options.Deaf {
		s.Events.ObjectCreated(bucket, key)
	}
}

// mark creates an object and waits until we are told of it: by then we have
// been told of everything before it.
func (s *Stack) mark(ctx context.Context) error {
	key, seen := rand.Text(), make(chan struct{})
	s.marks.Store(key, seen)
	if _, err := s.s3Client.PutObject(ctx, &s3client.PutObjectInput{Bucket: aws.String(markBucket), Key: aws.String(key)}); err != nil {
		return fmt.Errorf("marking a moment in S3: %w", err)
	}
	select {
	case <-seen:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Idle waits until every object that was there when it was called has had its
// events delivered, and every function is done, with what that caused in turn.
func (s *Stack) Idle(ctx context.Context) error {
	waits := []func(context.Context) error{s.mark, s.Events.Idle, s.Functions.Idle}
	for _, wait := range slices.Concat(waits, waits) { // what a function writes may wake another; no chain is longer
		if err := wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

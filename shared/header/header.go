// Package header is the job that gives headerless objects their header.
//
// It writes a copy of the object with the header in front, under another key.
// Only the header and as many bytes as S3's smallest part needs pass through
// the function; the rest is copied inside S3 (see object.Store.Compose).
//
// Promised: the copy appears whole or not at all, it is of one version of the
// source, and it keeps the source's metadata and tags. The same event delivered
// again writes the same copy again. The job never answers to what it wrote
// itself: its output carries a mark in its metadata, and lies outside the
// prefix that it reads from. What a line of text in front would spoil is
// refused: files that are not text, and compressed ones, except for gzip, where
// the header is compressed too.
//
// Not promised: which copy stays when a source is written twice in a moment, and
// both copies are made at the same time.
package header

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/trigger"
)

// Place is a bucket and the prefix of keys in it.
type Place struct{ Bucket, Prefix string }

// Job copies from one place to another. Its fields are set once, before the
// first call.
type Job struct {
	Store *object.Store
	// Source is where events come from; Destination is where copies go when a
	// request does not say.
	Source, Destination Place
	// Log receives what happens.
	Log *slog.Logger
}

// Request asks for one object.
type Request struct {
	Bucket string `json:"bucket"`
	Key    string `json:"key"`
	// Header lists column names; empty looks for an object named _header in
	// the folder of Key.
	Header []string `json:"header"`
	// Destination is where the copy goes; what is empty is filled in as for an
	// event.
	Destination Destination `json:"destination"`
}

// Destination names the copy.
type Destination struct {
	Bucket string `json:"bucket"`
	Key    string `json:"key"`
}

// Answer lists what became of each object.
type Answer struct {
	Objects []Headed `json:"objects"`
}

// Headed is one object that was looked at.
type Headed struct {
	Source      string `json:"source"`
	Destination string `json:"destination,omitempty"`
	// Skipped says why nothing was done; empty when a copy was written.
	Skipped string `json:"skipped,omitempty"`
	// Bytes is the size of the copy. Downloaded and Uploaded passed through the
	// function, Copied stayed inside S3.
	Bytes      int64 `json:"bytes"`
	Downloaded int64 `json:"downloaded"`
	Uploaded   int64 `json:"uploaded"`
	Copied     int64 `json:"copied"`
}

const (
	// mark is the metadata key that our output carries. Its value is the ETag
	// of the source.
	mark = "stagelift-headed"
	// headerName is the object that holds the header of its folder.
	headerName = "_header"
	// headerLimit bounds a _header object.
	headerLimit = 1 << 20
)

// New checks that the job cannot set itself off.
func New(job Job) (*Job, error) {
	if job.Source.Bucket == "" || job.Destination.Bucket == "" {
		return nil, errors.New("configuring header: source and destination bucket are both needed")
	}
	if job.Source.Bucket == job.Destination.Bucket && strings.HasPrefix(job.Destination.Prefix, job.Source.Prefix) {
		return nil, fmt.Errorf("configuring header: destination prefix %q lies within source prefix %q of the same bucket, "+
			"so every copy would ask for another; choose a destination prefix that does not start with the source's",
			job.Destination.Prefix, job.Source.Prefix)
	}
	return &job, nil
}

// closingTime is kept back from the invocation's deadline, to end an upload.
const closingTime = 5 * time.Second

var errOutOfTime = errors.New("out of time; allow the function more of it")

// Handle gives a header to the objects that an event or a request names, one
// after the other. One that fails does not keep the others from their header;
// the error tells of all that failed.
func (j *Job) Handle(ctx context.Context, payload json.RawMessage) (Answer, error) {
	event, err := trigger.Decode(payload)
	if err != nil {
		return Answer{}, err
	}
	requests, err := j.requests(event)
	if err != nil {
		return Answer{}, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, deadline.Add(-closingTime), errOutOfTime)
		defer cancel()
	}
	answer := Answer{Objects: []Headed{}}
	var problems []error
	for _, request := range requests {
		headed, err := j.Prepend(ctx, request)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		answer.Objects = append(answer.Objects, headed)
	}
	return answer, errors.Join(problems...)
}

// requests turns an event into requests. Events are held to the source place:
// what it may read and write is the operator's to say, not the event's.
func (j *Job) requests(event trigger.Event) ([]Request, error) {
	if event.Kind == trigger.Direct {
		var request Request
		if err := trigger.DecodeRequest(event.Request, &request); err != nil {
			return nil, fmt.Errorf("reading the header request: %w", err)
		}
		if request.Bucket == "" || request.Key == "" {
			return nil, errors.New("reading the header request: bucket and key are both needed")
		}
		return []Request{request}, nil
	}
	var requests []Request
	for _, o := range event.Objects {
		if o.Bucket != j.Source.Bucket || !strings.HasPrefix(o.Key, j.Source.Prefix) {
			return nil, fmt.Errorf("object s3://%s/%s is not below s3://%s/%s, which is all that this function reads",
				o.Bucket, o.Key, j.Source.Bucket, j.Source.Prefix)
		}
		requests = append(requests, Request{Bucket: o.Bucket, Key: o.Key})
	}
	return requests, nil
}

// Package header is the job that gives headerless objects their header.
//
// It writes a copy with the header in front, under another key; of one object, of
// each of several, or of several as one. Only the header and what S3's smallest
// part needs pass through the function, 5 MiB as a rule; the rest is copied inside
// S3 (see object.Store.Compose). In front of a compressed object goes a header
// that is compressed, too, as a member of its own.
//
// Promised: the copy appears whole or not at all. It is of one version of each
// source, and where S3 keeps checksums of the sources that can be put together,
// it has the checksum that follows from them. It keeps the content type, the
// metadata, tags, storage class and encryption of the (first) source. The same
// event delivered again finds the copy and does nothing; of events in any order
// the last state of the source wins. The job never answers to what it wrote
// itself: its output carries a mark in its metadata, and lies outside the prefix
// that it reads from. What a line of text in front would spoil is refused. A
// source is deleted or tagged only once S3 shows its copy.
//
// Memory does not depend on the size of an object, only on that of its header.
//
// Not promised: that lines inside of compressed slices are whole where slices
// meet in a merge, unless they are rewritten. And a killed invocation leaves its
// upload behind, invisible, until the next copy to the same key or the bucket's
// lifecycle rule ends it.
package header

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/stagelift/stagelift/shared/metrics"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/trigger"
)

// Place is a bucket and the prefix of keys in it.
type Place struct{ Bucket, Prefix string }

// Job copies from one place to another. Its fields are set once, before the
// first call.
//
// Column names are looked for in this order: the request's list; the manifest of
// an UNLOAD with MANIFEST VERBOSE, which the request or event names or which lies
// beside the object and lists it; an object _header in the nearest folder
// upwards, whose text is taken as it stands; the object's own metadata
// stagelift-columns, names separated by commas.
type Job struct {
	Store *object.Store
	// Source is where events come from; Destination is where copies go when a
	// request does not say.
	Source, Destination Place
	// Options are how the objects of events are dealt with (see ParseOptions).
	// With Merge, only manifests are answered; what they list waits for them.
	Options Request
	// Log receives what happens, Metrics how much. Nil metrics are dropped.
	Log     *slog.Logger
	Metrics *metrics.Writer

	// rewriting lets one object at a time be rewritten: it takes a core and most
	// of the memory. buffers are its own.
	rewriting *semaphore.Weighted
	buffers   *object.Buffers
	abandoned time.Duration
}

// Answer lists what became of each object.
type Answer struct {
	Objects []Headed `json:"objects"`
	// Continuation is the request that goes on where time ran out; nil when all
	// is done.
	Continuation *Request `json:"continuation,omitempty"`
}

// Headed is one copy.
type Headed struct {
	// Source is the object; of a merge, the first.
	Source string `json:"source"`
	// Sources is how many a merge has.
	Sources     int    `json:"sources,omitempty"`
	Destination string `json:"destination,omitempty"`
	// Skipped says why nothing was done; empty when a copy was written.
	Skipped string `json:"skipped,omitempty"`
	// Header says where the names were found, Note what was found besides.
	Header string `json:"header,omitempty"`
	Note   string `json:"note,omitempty"`
	// Bytes is the size of the copy. Downloaded and Uploaded passed through the
	// function, Copied stayed inside S3, in Parts parts.
	Bytes      int64   `json:"bytes"`
	Downloaded int64   `json:"downloaded"`
	Uploaded   int64   `json:"uploaded"`
	Copied     int64   `json:"copied"`
	Parts      int     `json:"parts"`
	Seconds    float64 `json:"seconds"`
	// After is what became of the source: deleted, tagged, or nothing.
	After string `json:"after,omitempty"`
}

const (
	// mark is the metadata key that our output carries. Its value names all that
	// the copy was made of.
	mark = "stagelift-headed"
	// rewriteBuffers of rewriteBuffer bytes hold what is rewritten.
	rewriteBuffer, rewriteBuffers = 5 << 20, 2
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
	job.rewriting = semaphore.NewWeighted(1)
	job.buffers = object.NewBuffers(rewriteBuffer, rewriteBuffers)
	job.abandoned = abandoned
	return &job, nil
}

// closingTime is kept back from the invocation's deadline, to end an upload.
const closingTime = 5 * time.Second

var errOutOfTime = errors.New("out of time; allow the function more of it")

// Handle gives a header to the objects that an event or a request names, several
// at a time. One that fails does not keep the others from their header; the error
// tells of all that failed. When time runs out, the answer to a request has a
// continuation; an event is an error then, and finds what is done when it is
// delivered again.
func (j *Job) Handle(ctx context.Context, payload json.RawMessage) (Answer, error) {
	event, err := trigger.Decode(payload)
	if err != nil {
		return Answer{}, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, deadline.Add(-closingTime), errOutOfTime)
		defer cancel()
	}
	if event.Kind == trigger.S3Test {
		return Answer{Objects: []Headed{}}, nil
	}
	h := &handling{job: j, library: &library{store: j.Store, books: map[object.Location]*book{}}}
	if event.Kind == trigger.Direct {
		request, err := decodeRequest(event.Request)
		if err != nil {
			return Answer{}, err
		}
		return h.request(ctx, request)
	}
	return h.event(ctx, event.Objects)
}

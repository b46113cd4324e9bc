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
// prefix that it reads from.
package header

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path"
	"strings"

	"github.com/stagelift/stagelift/shared/encode"
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
			"so every copy would ask for another; choose prefixes of which neither starts with the other",
			job.Destination.Prefix, job.Source.Prefix)
	}
	return &job, nil
}

// Handle gives a header to the objects that an event or a request names, one
// after the other, and stops at the first error.
func (j *Job) Handle(ctx context.Context, payload json.RawMessage) (Answer, error) {
	event, err := trigger.Decode(payload)
	if err != nil {
		return Answer{}, err
	}
	requests, err := j.requests(event)
	if err != nil {
		return Answer{}, err
	}
	answer := Answer{Objects: []Headed{}}
	for _, request := range requests {
		headed, err := j.Prepend(ctx, request)
		if err != nil {
			return answer, err
		}
		answer.Objects = append(answer.Objects, headed)
	}
	return answer, nil
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

// Prepend writes the headed copy of one object.
func (j *Job) Prepend(ctx context.Context, request Request) (Headed, error) {
	source := object.Location{Bucket: request.Bucket, Key: request.Key}
	headed := Headed{Source: source.String()}
	if path.Base(request.Key) == headerName {
		headed.Skipped = "it is a header itself"
		return headed, nil
	}
	destination, err := j.destination(request)
	if err != nil {
		return headed, fmt.Errorf("giving %s its header: %w", source, err)
	}
	attributes, err := j.Store.Stat(ctx, source)
	if err != nil {
		return headed, fmt.Errorf("giving %s its header: %w", source, err)
	}
	if attributes.Metadata[mark] != "" {
		headed.Skipped = "it was written by this function"
		j.Log.InfoContext(ctx, "object skipped", "source", headed.Source, "reason", headed.Skipped)
		return headed, nil
	}
	line, err := j.line(ctx, request)
	if err != nil {
		return headed, fmt.Errorf("giving %s its header: %w", source, err)
	}
	result, err := j.compose(ctx, source, attributes, line, destination)
	if err != nil {
		return headed, fmt.Errorf("giving %s its header: %w", source, err)
	}
	headed.Destination, headed.Bytes = destination.String(), result.Size
	headed.Downloaded, headed.Uploaded, headed.Copied = result.Downloaded, result.Uploaded, result.Copied
	j.Log.InfoContext(ctx, "object headed", "source", headed.Source, "destination", headed.Destination,
		"bytes", headed.Bytes, "downloaded", headed.Downloaded, "uploaded", headed.Uploaded, "copied", headed.Copied)
	return headed, nil
}

// destination fills in what the request leaves open: the destination's bucket,
// and the source's key with one prefix in place of the other.
func (j *Job) destination(request Request) (object.Location, error) {
	to := object.Location{
		Bucket: cmp.Or(request.Destination.Bucket, j.Destination.Bucket),
		Key:    request.Destination.Key,
	}
	if to.Key == "" {
		rest, below := strings.CutPrefix(request.Key, j.Source.Prefix)
		if request.Bucket != j.Source.Bucket || !below {
			return to, fmt.Errorf("it is not below s3://%s/%s, so the request must give destination.key", j.Source.Bucket, j.Source.Prefix)
		}
		to.Key = j.Destination.Prefix + rest
	}
	if to.Bucket == request.Bucket && to.Key == request.Key {
		return to, errors.New("the destination is the source itself; name another key")
	}
	return to, nil
}

// line finds the header: the request's list, or the _header object beside the
// data, whose text is taken as it stands.
func (j *Job) line(ctx context.Context, request Request) ([]byte, error) {
	if len(request.Header) > 0 {
		return encode.CSVHeader(request.Header, ","), nil
	}
	beside := object.Location{Bucket: request.Bucket, Key: strings.TrimSuffix(request.Key, path.Base(request.Key)) + headerName}
	text, _, err := j.Store.Get(ctx, beside, headerLimit)
	switch {
	case errors.Is(err, object.ErrNotFound):
		return nil, fmt.Errorf("no header: the request lists none, and there is no object %s", beside)
	case err != nil:
		return nil, err
	case len(strings.TrimSpace(string(text))) == 0:
		return nil, fmt.Errorf("no header: object %s is empty", beside)
	case text[len(text)-1] != '\n':
		text = append(text, '\n')
	}
	return text, nil
}

// compose writes the copy. The ETag pins the source: if it changes meanwhile,
// the copy fails instead of mixing two versions.
func (j *Job) compose(ctx context.Context, source object.Location, from object.Attributes, line []byte, to object.Location) (object.ComposeResult, error) {
	tags, err := j.Store.Tags(ctx, source, from.VersionID)
	if err != nil {
		return object.ComposeResult{}, err
	}
	metadata := map[string]string{mark: from.ETag}
	maps.Copy(metadata, from.Metadata)
	segments := []object.Segment{{Bytes: line}}
	if from.Size > 0 {
		segments = append(segments, object.Segment{Source: source, ETag: from.ETag, VersionID: from.VersionID, Length: from.Size})
	}
	return j.Store.Compose(ctx, to, segments, object.ComposeOptions{
		ContentType: from.ContentType, ContentEncoding: from.ContentEncoding, ContentDisposition: from.ContentDisposition,
		ContentLanguage: from.ContentLanguage, CacheControl: from.CacheControl,
		StorageClass: from.StorageClass, Metadata: metadata, Tags: tags,
	})
}

package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/s3response"
)

// line is one report to the parent, as a line of JSON.
type line struct {
	// Ready is true once, when the server takes connections.
	Ready bool `json:"ready,omitempty"`
	// Bucket and Key name an object that has just become visible.
	Bucket string `json:"bucket,omitempty"`
	Key    []byte `json:"key,omitempty"` // base64: a key may hold bytes that JSON would change
}

type reporter struct {
	mu  sync.Mutex
	out io.Writer
}

func newReporter(fd uint) *reporter {
	if fd == 0 {
		return &reporter{out: io.Discard}
	}
	return &reporter{out: os.NewFile(uintptr(fd), "reports")}
}

func (r *reporter) ready() { r.write(line{Ready: true}) }

func (r *reporter) created(bucket, key *string) {
	if bucket != nil && key != nil {
		r.write(line{Bucket: *bucket, Key: []byte(*key)})
	}
}

// write has no one to tell of an error: without the parent, which reads the
// reports, this process is about to end.
func (r *reporter) write(l line) {
	text, err := json.Marshal(l)
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, _ = r.out.Write(append(text, '\n'))
}

// observed reports each object that the backend made visible, before the client
// has its answer. The gateway's own webhook lost the comparison: it sends from
// goroutines that nobody waits for, drops what takes long, and reads bucket and
// key from the request's buffer after that has gone on to another request.
type observed struct {
	backend.Backend
	report    *reporter
	completed *sync.Map // upload id → *completion
}

// completion is told of an upload once. The backend answers a repeated request
// with success, too: also one that overtakes the first, before there is an
// object.
type completion struct {
	mu   sync.Mutex
	told bool
}

func (o observed) PutObject(ctx context.Context, in s3response.PutObjectInput) (s3response.PutObjectOutput, error) {
	out, err := o.Backend.PutObject(ctx, in)
	if err == nil {
		o.report.created(in.Bucket, in.Key)
	}
	return out, err
}

func (o observed) CopyObject(ctx context.Context, in s3response.CopyObjectInput) (s3response.CopyObjectOutput, error) {
	out, err := o.Backend.CopyObject(ctx, in)
	if err == nil {
		o.report.created(in.Bucket, in.Key)
	}
	return out, err
}

func (o observed) CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput) (s3response.CompleteMultipartUploadResult, string, error) {
	id := ""
	if in.UploadId != nil {
		id = strings.Clone(*in.UploadId) // it lies in the request's buffer
	}
	entry, _ := o.completed.LoadOrStore(id, &completion{})
	c := entry.(*completion)
	c.mu.Lock()
	defer c.mu.Unlock()
	result, version, err := o.Backend.CompleteMultipartUpload(ctx, in)
	if err == nil && !c.told {
		c.told = true
		o.report.created(in.Bucket, in.Key)
	}
	return result, version, err
}

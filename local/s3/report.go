package s3

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"sync"
)

// created is an object that became visible.
type created struct{ bucket, key string }

// reports takes in what the server says of itself. Reading never waits for
// OnCreated, since the server answers no client while a report is stuck.
type reports struct {
	ready chan struct{} // closed when the server takes connections
	ended sync.WaitGroup

	mu      sync.Mutex
	arrived *sync.Cond
	queue   []created
	closed  bool
}

// readReports reads until the pipe ends, then closes it.
func readReports(pipe io.ReadCloser, onCreated func(bucket, key string)) *reports {
	r := &reports{ready: make(chan struct{})}
	r.arrived = sync.NewCond(&r.mu)
	r.ended.Go(func() {
		r.read(pipe, onCreated != nil)
		_ = pipe.Close()
	})
	if onCreated != nil {
		r.ended.Go(func() { r.deliver(onCreated) })
	}
	return r
}

func (r *reports) read(pipe io.Reader, keep bool) {
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		var line struct {
			Ready  bool
			Bucket string
			Key    []byte
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			continue // cut off by the server's death
		}
		if line.Ready {
			close(r.ready)
			continue
		}
		if keep {
			r.mu.Lock()
			r.queue = append(r.queue, created{line.Bucket, string(line.Key)})
			r.mu.Unlock()
			r.arrived.Signal()
		}
	}
}

func (r *reports) deliver(onCreated func(bucket, key string)) {
	for {
		r.mu.Lock()
		for len(r.queue) == 0 && !r.closed {
			r.arrived.Wait()
		}
		if r.closed {
			r.mu.Unlock()
			return
		}
		batch := r.queue
		r.queue = nil
		r.mu.Unlock()
		for _, c := range batch {
			if r.isClosed() {
				return
			}
			onCreated(c.bucket, c.key)
		}
	}
}

func (r *reports) isClosed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

// drop lets no further call begin.
func (r *reports) drop() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.arrived.Broadcast()
}

// tail passes on what is written and keeps the end of it.
type tail struct {
	next io.Writer

	mu  sync.Mutex
	end []byte
}

const tailSize = 2 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end = append(t.end, p...)
	if extra := len(t.end) - tailSize; extra > 0 {
		t.end = bytes.Clone(t.end[extra:])
	}
	if t.next == nil {
		return len(p), nil
	}
	return t.next.Write(p)
}

// String returns the last that was written.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.end))
}

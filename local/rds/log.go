package rds

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// eventLog lets the server and the gate's connections share one writer.
type eventLog struct {
	mu sync.Mutex
	w  io.Writer
}

func newLog(w io.Writer) *eventLog {
	if w == nil {
		w = io.Discard
	}
	return &eventLog{w: w}
}

// Write implements io.Writer, one call at a time.
func (l *eventLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// event writes a line in the form of the server's own.
func (l *eventLog) event(format string, args ...any) {
	_, _ = fmt.Fprintf(l, "%s [gate] LOG:  %s\n", time.Now().UTC().Format("2006-01-02 15:04:05.000 MST"), fmt.Sprintf(format, args...))
}

package lambdahost

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// maxLine bounds what is held back of a line that does not end.
const maxLine = 64 << 10

// sink is one function's log, shared by its environments.
type sink struct {
	mu sync.Mutex
	w  io.Writer
}

func newSink(function string, log func(string) io.Writer) *sink {
	var w io.Writer
	if log != nil {
		w = log(function)
	}
	if w == nil {
		w = io.Discard
	}
	return &sink{w: w}
}

// write drops what the log does not take: a full disk must not end a function.
func (s *sink) write(lines []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = s.w.Write(lines)
}

func (s *sink) printf(format string, args ...any) {
	s.write(fmt.Appendf(nil, format+"\n", args...))
}

// lines cuts one process's output into whole lines, so that those of several
// environments do not run into each other. One goroutine writes at a time.
type lines struct {
	to   *sink
	held []byte
}

// Write never fails.
func (l *lines) Write(p []byte) (int, error) {
	l.held = append(l.held, p...)
	end := bytes.LastIndexByte(l.held, '\n') + 1
	if end > 0 {
		l.to.write(l.held[:end])
		l.held = append(l.held[:0], l.held[end:]...)
	}
	if len(l.held) > maxLine {
		l.flush()
	}
	return len(p), nil
}

// flush writes what is left as a line.
func (l *lines) flush() {
	if len(l.held) > 0 {
		l.to.write(append(l.held, '\n'))
		l.held = l.held[:0]
	}
}

// report returns Lambda's REPORT line. Without memory (the process is gone, or
// the system does not tell) that field is left out.
func report(r Result, memoryMB int, memory int64) string {
	var b strings.Builder
	fmt.Fprintf(&b, "REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %.0f ms\tMemory Size: %d MB",
		r.RequestID, milliseconds(r.Duration), milliseconds(r.Billed()), memoryMB)
	if memory > 0 {
		fmt.Fprintf(&b, "\tMax Memory Used: %d MB", (memory+1<<20-1)>>20)
	}
	if r.Init > 0 {
		fmt.Fprintf(&b, "\tInit Duration: %.2f ms", milliseconds(r.Init))
	}
	switch {
	case r.Error == nil:
	case r.Error.Type == ErrorTimeout:
		b.WriteString("\tStatus: timeout")
	default:
		fmt.Fprintf(&b, "\tStatus: error\tError Type: %s", r.Error.Type)
	}
	return b.String()
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

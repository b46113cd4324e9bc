package object

import (
	"fmt"
	"time"
)

// How long S3 may be silent before a request is given up and sent again. None of
// these bounds how long a request takes that moves, however slowly.
const (
	// connectLimit is for finding the address and connecting. Inside a Region
	// that takes milliseconds; a packet that is lost is sent again after one
	// second, and after three.
	connectLimit = 5 * time.Second
	// handshakeLimit is for TLS: two round trips, and the same losses.
	handshakeLimit = 5 * time.Second
	// stillLimit is for the next bytes of a body, in either direction; for the
	// first that are sent, the time to connect included. What is sent is seen to
	// move when the system takes it, tens of KiB or a part of its buffers at once.
	stillLimit = 20 * time.Second
	// answerLimit is for the answer's header once the last byte was handed to the
	// system, whose buffers, 4 MiB at most, are still to be emptied then; without
	// a body, the time to connect included. S3 answers within a second or so, and
	// refuses what it is too busy for.
	answerLimit = 30 * time.Second
	// workLimit is in place of answerLimit, and for the next byte of the answer,
	// where S3 works before it answers: to complete an upload or to copy 5 GiB may
	// take it minutes (API reference, CompleteMultipartUpload and UploadPartCopy).
	// To cut that again and again would be worse than to wait.
	workLimit = 5 * time.Minute
)

// patience is how long a Store waits, and for what.
type patience struct {
	connect, handshake, still, answer, work time.Duration
	// look bounds the looks that settle an outcome, pause is between them.
	look, pause time.Duration
	// A request is sent attempts times at most, backoff is the longest wait before
	// it is sent again.
	attempts int
	backoff  time.Duration
}

var s3Patience = patience{
	connect: connectLimit, handshake: handshakeLimit, still: stillLimit, answer: answerLimit, work: workLimit,
	look: lookLimit, pause: lookPause, attempts: maxAttempts, backoff: maxBackoff,
}

// phase is where a request stands.
type phase int

const (
	sending phase = iota
	awaiting
	receiving
)

// with returns the limits of an operation's phases.
func (p patience) with(operation string) [3]time.Duration {
	switch operation {
	case "CompleteMultipartUpload", "UploadPartCopy":
		return [...]time.Duration{sending: p.still, awaiting: p.work, receiving: p.work}
	}
	return [...]time.Duration{sending: p.still, awaiting: p.answer, receiving: p.still}
}

// silenceError is why a request was given up.
type silenceError struct {
	phase phase
	limit time.Duration
}

func (e *silenceError) Error() string {
	what := [...]string{sending: "no byte of the request was taken", awaiting: "no answer came", receiving: "no byte of the answer came"}
	return fmt.Sprintf("the connection fell silent: %s for %v", what[e.phase], e.limit)
}

// RetryableError tells the SDK to send the request again.
func (*silenceError) RetryableError() bool { return true }

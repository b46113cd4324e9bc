package lambdahost

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"
)

// Types of the errors that the host reports on a function's behalf, as Lambda
// names them.
const (
	// ErrorExit is a process that ended during initialisation or an invocation.
	ErrorExit = "Runtime.ExitError"
	// ErrorTimeout is an invocation that reached its deadline.
	ErrorTimeout = "Sandbox.Timedout"
	// ErrorResponseSize is a response over 6 MB.
	ErrorResponseSize = "Function.ResponseSizeTooLarge"
	// errorUnknown stands in for a type that the runtime did not give.
	errorUnknown = "Runtime.Unknown"
	// errorHost marks an attempt that the host could not make.
	errorHost = "Host.Error"
)

// Result is the answer to one invocation.
type Result struct {
	// RequestID names the invocation.
	RequestID string
	// Payload is the function's answer, or the JSON of its error.
	Payload []byte
	// Error is what the function, or the host for it, reported; nil on success.
	Error *FunctionError
	// Duration runs from the handing over of the event until the function polled
	// for the next one or ended.
	Duration time.Duration
	// Init runs from the start of the process to its first poll; zero for an
	// environment that was warm.
	Init time.Duration
}

// Billed is what Lambda bills: all time, initialisation too, as for every
// function since August 2025, in whole milliseconds.
func (r Result) Billed() time.Duration {
	return (r.Init + r.Duration + time.Millisecond - 1).Truncate(time.Millisecond)
}

// FunctionError is an invocation's error in the Runtime API's shape.
type FunctionError struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

// Error returns type and message.
func (e *FunctionError) Error() string { return e.Type + ": " + e.Message }

// failure is a Result with an error that the host reports.
func failure(kind, format string, args ...any) Result {
	e := &FunctionError{Type: kind, Message: fmt.Sprintf(format, args...)}
	return Result{Payload: mustMarshal(e), Error: e}
}

// postedFailure is a Result with the error that the runtime posted. A body that
// is not of the usual shape is kept as the payload all the same.
func postedFailure(body []byte, headerType string) Result {
	e := &FunctionError{}
	if err := json.Unmarshal(body, e); err != nil {
		e = &FunctionError{}
	}
	e.Type = cmp.Or(e.Type, headerType, errorUnknown)
	return Result{Payload: body, Error: e}
}

// mustMarshal encodes values that always encode.
func mustMarshal(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

// DeadLetter is an asynchronous event that was given up.
type DeadLetter struct {
	Function  string
	RequestID string
	Payload   []byte
	// Attempts counts the invocations made.
	Attempts int
	// Error is that of the last attempt.
	Error *FunctionError
	// At is when the event was given up.
	At time.Time
	// response is the payload of the last attempt, ARN that of the function.
	response []byte
	arn      string
}

// MarshalJSON returns the record that Lambda sends to an on-failure destination
// (Lambda guide, "Capturing records of Lambda asynchronous invocations").
func (d DeadLetter) MarshalJSON() ([]byte, error) {
	type object = map[string]any
	return json.Marshal(object{
		"version":   "1.0",
		"timestamp": d.At.UTC().Format("2006-01-02T15:04:05.000Z"),
		"requestContext": object{
			"requestId":              d.RequestID,
			"functionArn":            d.arn + ":" + version,
			"condition":              "RetriesExhausted",
			"approximateInvokeCount": d.Attempts,
		},
		"requestPayload": jsonOrText(d.Payload),
		"responseContext": object{
			"statusCode":      200,
			"executedVersion": version,
			"functionError":   "Unhandled",
		},
		"responsePayload": jsonOrText(d.response),
	})
}

func jsonOrText(data []byte) any {
	if json.Valid(data) {
		return json.RawMessage(data)
	}
	return string(data)
}

// newUUID returns a random UUID (RFC 9562, version 4), the form of Lambda's
// request ids.
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

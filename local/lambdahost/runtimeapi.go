package lambdahost

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

const (
	runtimePath   = "/2018-06-01/runtime"
	extensionPath = "/2020-01-01/extension"

	errorTypeHeader = "Lambda-Runtime-Function-Error-Type"
)

// routes is the Runtime API of one environment (Lambda guide, "Using the Lambda
// runtime API"), and as much of the Extensions API as aws-lambda-go's
// WithEnableSIGTERM calls.
func (e *environment) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+runtimePath+"/invocation/next", e.next)
	mux.HandleFunc("POST "+runtimePath+"/invocation/{id}/response", e.response)
	mux.HandleFunc("POST "+runtimePath+"/invocation/{id}/error", e.invocationError)
	mux.HandleFunc("POST "+runtimePath+"/init/error", e.initErrorPosted)
	mux.HandleFunc("POST "+extensionPath+"/register", e.register)
	mux.HandleFunc("GET "+extensionPath+"/event/next", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	return mux
}

// next is the long poll for an invocation. To poll is to say that the one
// before is over.
func (e *environment) next(w http.ResponseWriter, r *http.Request) {
	if err := e.beginPoll(); err != nil {
		refuse(w, http.StatusForbidden, "InvalidStateTransition", err.Error())
		return
	}
	e.polled <- struct{}{}
	select {
	case inv := <-e.inbox:
		e.hand(w, inv)
	case <-r.Context().Done():
		// A runtime that hangs up will not poll again in any way we know.
		e.process.Kill()
	}
}

func (e *environment) beginPoll() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.polling {
		return fmt.Errorf("another poll is waiting")
	}
	if e.current != nil && e.current.answer == nil {
		return fmt.Errorf("invocation %s has no answer yet", e.current.id)
	}
	e.polling = true
	e.current = nil
	return nil
}

func (e *environment) hand(w http.ResponseWriter, inv *invocation) {
	e.mu.Lock()
	e.polling = false
	e.current = inv
	e.mu.Unlock()
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Content-Length", strconv.Itoa(len(inv.payload)))
	header.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
	header.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.deadline.UnixMilli(), 10))
	header.Set("Lambda-Runtime-Invoked-Function-Arn", e.f.arn)
	header.Set("Lambda-Runtime-Trace-Id", traceHeader(time.Now()))
	// A runtime that does not read it has died, or will reach its deadline.
	_, _ = w.Write(inv.payload)
}

func (e *environment) response(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxResponse+1))
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidRequest", err.Error())
		return
	}
	if len(body) <= maxResponse {
		e.post(w, r, Result{Payload: body})
		return
	}
	tooLarge := failure(ErrorResponseSize, "Response payload size exceeded maximum allowed payload size (%d bytes).", maxResponse)
	if e.settle(w, r, tooLarge) {
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", tooLarge.Error.Message)
	}
}

func (e *environment) invocationError(w http.ResponseWriter, r *http.Request) {
	if body, ok := readError(w, r); ok {
		e.post(w, r, postedFailure(body, r.Header.Get(errorTypeHeader)))
	}
}

func (e *environment) initErrorPosted(w http.ResponseWriter, r *http.Request) {
	body, ok := readError(w, r)
	if !ok {
		return
	}
	failed := postedFailure(body, r.Header.Get(errorTypeHeader))
	e.mu.Lock()
	e.initError = &failed
	e.mu.Unlock()
	accept(w)
}

func readError(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxResponse))
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidRequest", err.Error())
	}
	return body, err == nil
}

func (e *environment) post(w http.ResponseWriter, r *http.Request, answer Result) {
	if e.settle(w, r, answer) {
		accept(w)
	}
}

// settle makes answer that of the running invocation, which must be the one
// that the request names, and may have one answer only. Else it refuses the
// request and returns false.
func (e *environment) settle(w http.ResponseWriter, r *http.Request, answer Result) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch id := r.PathValue("id"); {
	case e.current == nil || e.current.id != id:
		refuse(w, http.StatusBadRequest, "InvalidRequestID", fmt.Sprintf("invocation %s is not running", id))
	case e.current.answer != nil:
		refuse(w, http.StatusForbidden, "InvalidStateTransition", fmt.Sprintf("invocation %s has its answer", id))
	default:
		e.current.answer = &answer
		return true
	}
	return false
}

func (e *environment) register(w http.ResponseWriter, _ *http.Request) {
	e.mu.Lock()
	e.wantsTerm = true
	e.mu.Unlock()
	w.Header().Set("Lambda-Extension-Identifier", newUUID())
	reply(w, http.StatusOK, map[string]string{
		"functionName":    e.f.Name,
		"functionVersion": version,
		"handler":         "bootstrap",
	})
}

func accept(w http.ResponseWriter) {
	reply(w, http.StatusAccepted, map[string]string{"status": "OK"})
}

func refuse(w http.ResponseWriter, status int, kind, message string) {
	reply(w, status, FunctionError{Type: kind, Message: message})
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The peer is the runtime; when it is gone, its process says why.
	_ = json.NewEncoder(w).Encode(body)
}

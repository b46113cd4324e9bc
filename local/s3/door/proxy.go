package door

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
)

// errCut breaks a connection on purpose.
var errCut = errors.New("connection cut")

func (d *Door) newProxy(behind *url.URL) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(behind)
			r.Out.Host = r.In.Host // what the client signed
		},
		Transport:      &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 100},
		FlushInterval:  -1,
		ModifyResponse: d.answer,
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) {
			panic(http.ErrAbortHandler) // a dead server looks like one
		},
	}
}

// answer counts the server's answer, or puts the failure in its place.
func (d *Door) answer(response *http.Response) error {
	r := response.Request
	fate := r.Context().Value(fateKey{}).(*fate)
	if fate.Spaces > 0 {
		spaced(response, fate.Spaces)
	}
	switch {
	case !fate.Done:
	case fate.Cut, fate.Silent:
		if fate.CutAfter == 0 {
			return fate.stop()
		}
		response.Body = &cutter{ReadCloser: response.Body, left: fate.CutAfter, stop: fate.stop}
	case fate.Status != 0:
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			return err
		}
		replace(response, fate.Failure)
	}
	response.Body = fate.slow(response.Body)
	operation := Operation(r)
	response.Body = &counter{ReadCloser: response.Body, add: func(n int64) { d.count(operation, Count{Out: n}) }}
	return nil
}

// replace keeps nothing of what the server said.
func replace(response *http.Response, failure *Failure) {
	_ = response.Body.Close()
	body := errorBody(response.Request, failure)
	response.StatusCode, response.Status = failure.Status, ""
	response.Header = errorHeader(body)
	response.ContentLength = int64(len(body))
	response.Trailer = nil
	response.Body = io.NopCloser(bytes.NewReader(body))
}

func writeError(w http.ResponseWriter, r *http.Request, failure *Failure) {
	body := errorBody(r, failure)
	maps.Copy(w.Header(), errorHeader(body))
	w.WriteHeader(failure.Status)
	_, _ = w.Write(body)
}

// errorBody is empty for HEAD, whose answers have no body.
func errorBody(r *http.Request, failure *Failure) []byte {
	if r.Method == http.MethodHead {
		return nil
	}
	code := failure.Code
	if code == "" {
		code = "InternalError"
	}
	return fmt.Appendf(nil, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+
		`<Error><Code>%s</Code><Message>made up by the door</Message><RequestId>DOOR</RequestId></Error>`, code)
}

func errorHeader(body []byte) http.Header {
	return http.Header{"Content-Type": {"application/xml"}, "Content-Length": {strconv.Itoa(len(body))}}
}

// cutter stops after some bytes.
type cutter struct {
	io.ReadCloser
	left int64
	stop func() error
}

func (c *cutter) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, c.stop()
	}
	n, err := c.ReadCloser.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}

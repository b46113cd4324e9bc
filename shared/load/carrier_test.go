package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// blow is what becomes of one call to the warehouse.
type blow string

const (
	// killed: the invocation dies before the call is sent, and sends nothing any
	// more. For the warehouse this is what dying after the call before it is.
	killed blow = "killed"
	// lost: the call is done, but in the place of its answer comes one that sends
	// nobody back, as of a proxy on the way.
	lost blow = "lost"
	// repeated: the call is done, and answered by an error of the server; done
	// again, and the connection breaks; and answered the third time.
	repeated blow = "repeated"
)

var errKilled = errors.New("the invocation was killed")

// carrier sends requests to a warehouse and numbers the calls among them, from 0.
// A request that asks for the same as the one before it, because its answer was
// lost or the statement was still running, is the same call: so the number of
// calls does not depend on how fast the machine is.
type carrier struct {
	fault blow
	at    int // number of the call that it befalls
	die   context.CancelCauseFunc

	mu    sync.Mutex
	asked string // by the last call
	calls int
	sent  int // times that the last call was sent
}

// number counts a request.
func (c *carrier) number(r *http.Request) (call, sent int) {
	asks := strings.Join([]string{r.Method, r.URL.Path, r.URL.Query().Get("requestId"), r.Header.Get("X-Amz-Target")}, " ")
	c.mu.Lock()
	defer c.mu.Unlock()
	if asks != c.asked {
		c.asked, c.calls, c.sent = asks, c.calls+1, 0
	}
	c.sent++
	return c.calls - 1, c.sent
}

// RoundTrip sends a request as http.RoundTripper says, unless its call is the one
// that the fault befalls.
func (c *carrier) RoundTrip(r *http.Request) (*http.Response, error) {
	call, sent := c.number(r)
	if c.fault == killed && call >= c.at {
		c.die(errKilled)
		return nil, errKilled
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || call != c.at || c.fault == "" {
		return answer, err
	}
	switch {
	case c.fault == lost:
		return instead(answer, http.StatusForbidden)
	case sent == 1:
		return instead(answer, http.StatusInternalServerError)
	case sent == 2:
		return nil, errors.Join(io.ErrUnexpectedEOF, answer.Body.Close())
	}
	return answer, nil
}

// instead gives an answer in the place of the one that came.
func instead(answer *http.Response, status int) (*http.Response, error) {
	if err := answer.Body.Close(); err != nil {
		return nil, err
	}
	answer.Status, answer.StatusCode = fmt.Sprintf("%d %s", status, http.StatusText(status)), status
	answer.Header = http.Header{"Content-Type": {"application/json"}}
	answer.Body, answer.ContentLength = io.NopCloser(strings.NewReader("{}")), 2
	return answer, nil
}

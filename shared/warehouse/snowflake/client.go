package snowflake

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	agent = "stagelift/1.0"
	// requestTime bounds one request: Snowflake answers within 45 seconds,
	// whether the statement is done or not.
	requestTime = 75 * time.Second
	// answerLimit bounds what is read of one answer. What is asked for here is
	// small: rows of a ledger, and a line for each of at most a thousand files.
	answerLimit = 32 << 20
)

// client speaks the SQL API.
type client struct {
	endpoint string
	http     *http.Client
	tokens   *tokens
	pause    func(ctx context.Context, d time.Duration) error
}

func newClient(endpoint string, carrier *http.Client, credentials Credentials) *client {
	if carrier == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		carrier = &http.Client{Transport: transport}
	}
	own := *carrier
	// A token goes nowhere but to the host that was configured.
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client{endpoint: endpoint, http: &own, tokens: newTokens(credentials), pause: sleep}
}

// statement is the body of a request to run something.
type statement struct {
	Statement string `json:"statement"`
	// Timeout is in seconds; 0 is left out, since it would mean a week.
	Timeout    int64             `json:"timeout,omitempty"`
	Database   string            `json:"database,omitempty"`
	Warehouse  string            `json:"warehouse,omitempty"`
	Role       string            `json:"role,omitempty"`
	Parameters map[string]string `json:"parameters,omitempty"`
}

// answer is what Snowflake says of a statement, whichever of ResultSet,
// QueryStatus and QueryFailureStatus it is (SQL API reference).
type answer struct {
	Code       string   `json:"code"`
	SQLState   string   `json:"sqlState"`
	Message    string   `json:"message"`
	Handle     string   `json:"statementHandle"`
	Handles    []string `json:"statementHandles"`
	Properties struct {
		Columns []struct {
			Name string `json:"name"`
		} `json:"rowType"`
		Partitions []struct {
			Rows int64 `json:"rowCount"`
		} `json:"partitionInfo"`
	} `json:"resultSetMetaData"`
	// Data is the first partition; nil values are NULL.
	Data [][]*string `json:"data"`

	// Running is true when the statement is not done yet.
	Running bool `json:"-"`
}

// submit hands the statement over and does not wait for it. The same id twice
// is the same request: it is not run again when it has succeeded.
func (c *client) submit(ctx context.Context, id string, s statement, again bool) (answer, error) {
	return c.post(ctx, url.Values{"requestId": {id}, "async": {"true"}}, s, again)
}

// run waits for the statement for as long as the API does; the answer can be
// that it is still running.
func (c *client) run(ctx context.Context, s statement) (answer, error) {
	return c.post(ctx, url.Values{"requestId": {randomID()}}, s, false)
}

func (c *client) post(ctx context.Context, query url.Values, s statement, again bool) (answer, error) {
	body, err := json.Marshal(s)
	if err != nil {
		return answer{}, err
	}
	if again {
		query.Set("retry", "true")
	}
	return c.send(ctx, http.MethodPost, "/api/v2/statements", query, body)
}

// status asks how a statement stands.
func (c *client) status(ctx context.Context, handle string) (answer, error) {
	return c.send(ctx, http.MethodGet, "/api/v2/statements/"+url.PathEscape(handle), url.Values{}, nil)
}

// partition reads one of the later parts of a result.
func (c *client) partition(ctx context.Context, handle string, number int) (answer, error) {
	query := url.Values{"partition": {strconv.Itoa(number)}}
	return c.send(ctx, http.MethodGet, "/api/v2/statements/"+url.PathEscape(handle), query, nil)
}

// cancel stops a statement.
func (c *client) cancel(ctx context.Context, handle string) error {
	_, err := c.send(ctx, http.MethodPost, "/api/v2/statements/"+url.PathEscape(handle)+"/cancel", url.Values{}, nil)
	return err
}

// once sends one request. The token is returned so that it can be forgotten.
func (c *client) once(ctx context.Context, method, path string, query url.Values, body []byte) (answer, Token, error) {
	token, err := c.tokens.token(ctx)
	if err != nil {
		return answer{}, token, &authError{err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	target := c.endpoint + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return answer{}, token, err
	}
	request.Header.Set("Authorization", "Bearer "+token.Value)
	request.Header.Set("X-Snowflake-Authorization-Token-Type", token.Type)
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", agent)
	response, err := c.http.Do(request)
	if err != nil {
		return answer{}, token, &lostError{err: err}
	}
	defer response.Body.Close() //nolint:errcheck // what matters has been read
	a, err := read(response)
	return a, token, err
}

// read tells what an answer means by its status.
func read(response *http.Response) (answer, error) {
	content, err := io.ReadAll(io.LimitReader(response.Body, answerLimit+1))
	if err != nil {
		return answer{}, &lostError{err: err}
	}
	if len(content) > answerLimit {
		return answer{}, fmt.Errorf("the answer is larger than %d bytes", answerLimit)
	}
	var a answer
	decodeErr := json.Unmarshal(content, &a)
	switch response.StatusCode {
	case http.StatusOK, http.StatusAccepted:
		if decodeErr != nil {
			return answer{}, &lostError{err: errors.New("the answer is not the JSON that it should be")}
		}
		a.Running = response.StatusCode == http.StatusAccepted
		return a, nil
	case http.StatusUnprocessableEntity, http.StatusRequestTimeout:
		return a, &statementError{
			handle: a.Handle, code: a.Code, state: a.SQLState, message: a.Message,
			timedOut: response.StatusCode == http.StatusRequestTimeout,
		}
	}
	return answer{}, &statusError{status: response.StatusCode, code: a.Code, message: a.Message}
}

package snowflake

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strings"
)

const (
	root    = "/api/v2/statements"
	maxBody = 8 << 20
)

// refusal is an answer that is no ResultSet: QueryStatus, QueryFailureStatus,
// CancelStatus, or what the API says to all requests that it does not take.
type refusal struct {
	status    int
	Code      string `json:"code"`
	Message   string `json:"message"`
	SQLState  string `json:"sqlState,omitempty"`
	Handle    string `json:"statementHandle,omitempty"`
	StatusURL string `json:"statementStatusUrl,omitempty"`
	CreatedOn int64  `json:"createdOn,omitempty"`
}

func (r *refusal) Error() string { return r.Code + ": " + r.Message }

func refuse(status int, code, message string) error {
	return &refusal{status: status, Code: code, Message: message}
}

func badRequest(message string) error {
	return refuse(http.StatusBadRequest, "390142", "Incoming request does not contain a valid payload. "+message)
}

// answer is what a request comes to.
type answer struct {
	status int
	body   any
	// zipped bodies are of partitions after the first.
	zipped bool
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	a, fault, err := s.answer(r)
	if err != nil {
		failure := &refusal{}
		if !errors.As(err, &failure) {
			failure = &refusal{status: http.StatusInternalServerError, Code: "000603", Message: err.Error()}
		}
		s.log.InfoContext(r.Context(), "request refused",
			slog.String("path", r.URL.Path), slog.Int("status", failure.status), slog.String("code", failure.Code))
		a = answer{status: failure.status, body: failure}
	}
	if fault != nil {
		if fault.Status == 0 {
			panic(http.ErrAbortHandler)
		}
		a = answer{status: fault.Status, body: &refusal{Code: fault.Code, Message: fault.Message}}
	}
	s.send(w, r, a)
}

func (s *Server) send(w http.ResponseWriter, r *http.Request, a answer) {
	text, err := json.Marshal(a.body)
	if err == nil && a.zipped {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, err = z.Write(text)
		err = errors.Join(err, z.Close())
		text = b.Bytes()
		w.Header().Set("Content-Encoding", "gzip")
	}
	if err != nil {
		s.log.ErrorContext(r.Context(), "encoding an answer", slog.Any("error", err))
		a.status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	if _, err := w.Write(text); err != nil {
		s.log.WarnContext(r.Context(), "sending an answer", slog.Any("error", err))
	}
}

// answer does what the request asks for, between the hooks.
func (s *Server) answer(r *http.Request) (a answer, fault *Fault, err error) {
	if err := checkHeaders(r); err != nil {
		return answer{}, nil, err
	}
	do, err := s.route(r)
	if err != nil {
		return answer{}, nil, err
	}
	if err := s.authenticate(r); err != nil {
		return answer{}, nil, err
	}
	seen := Request{
		Method: r.Method, Path: r.URL.Path, RequestID: r.URL.Query().Get("requestId"), Retry: r.URL.Query().Get("retry") == "true",
	}
	body := submission{}
	if r.Method == http.MethodPost && r.URL.Path == root {
		if body, err = readSubmission(r); err != nil {
			return answer{}, nil, err
		}
		seen.SQL = body.Statement
	}
	if s.options.BeforeRequest != nil {
		if fault := s.options.BeforeRequest(r.Context(), seen); fault != nil {
			return answer{}, fault, nil
		}
	}
	a, err = do(r, body)
	if s.options.AfterRequest != nil {
		fault = s.options.AfterRequest(r.Context(), seen)
	}
	return a, fault, err
}

// checkHeaders holds requests to the headers that the reference requires of
// all of them.
func checkHeaders(r *http.Request) error {
	accept := r.Header.Get("Accept")
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case r.Header.Get("User-Agent") == "":
		return badRequest("User-Agent is missing.")
	case !strings.Contains(accept, "application/json") && !strings.Contains(accept, "*/*"):
		return badRequest("Accept must include application/json.")
	case err != nil:
		return badRequest("Content-Type is missing.")
	case kind != "application/json":
		return refuse(http.StatusUnsupportedMediaType, "391902", "Unsupported media type "+kind)
	}
	return nil
}

type handler func(*http.Request, submission) (answer, error)

// route finds what a request is for. The path tells whether it is anything,
// the method whether it is that.
func (s *Server) route(r *http.Request) (handler, error) {
	method, do := http.MethodPost, handler(s.submit)
	rest, below := strings.CutPrefix(r.URL.Path, root+"/")
	switch handle, action, _ := strings.Cut(rest, "/"); {
	case r.URL.Path == root:
	case below && action == "cancel" && handle != "":
		do = func(r *http.Request, _ submission) (answer, error) { return s.cancel(r, handle) }
	case below && action == "" && handle != "":
		method, do = http.MethodGet, func(r *http.Request, _ submission) (answer, error) { return s.status(r, handle) }
	default:
		return nil, refuse(http.StatusNotFound, "391900", "The request endpoint is not valid.")
	}
	if r.Method != method {
		return nil, refuse(http.StatusMethodNotAllowed, "391901", "The request method is not supported.")
	}
	return do, nil
}

// readSubmission decodes the body strictly: a field that the stand-in does not
// know would otherwise be taken for one that it honours.
func readSubmission(r *http.Request) (submission, error) {
	text, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if err != nil {
		return submission{}, badRequest(err.Error())
	}
	var in submission
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		return submission{}, badRequest(err.Error())
	}
	return in, nil
}

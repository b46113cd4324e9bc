package redshift

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
)

const (
	targetPrefix = "RedshiftData."
	contentType  = "application/x-amz-json-1.1"
	maxBody      = 8 << 20
)

// refusal is an exception of the API, as AWS JSON 1.1 carries it.
type refusal struct {
	status     int
	Type       string `json:"__type"`
	Message    string `json:"message"`
	ResourceID string `json:"ResourceId,omitempty"`
}

func (r *refusal) Error() string { return r.Type + ": " + r.Message }

func refuse(status int, kind, message string) error {
	return &refusal{status: status, Type: kind, Message: message}
}

func invalid(message string) error {
	return refuse(http.StatusBadRequest, "ValidationException", message)
}

func notFound(id, message string) error {
	return &refusal{status: http.StatusBadRequest, Type: "ResourceNotFoundException", Message: message, ResourceID: id}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	answer, err := s.answer(r)
	status := http.StatusOK
	if err != nil {
		failure := &refusal{}
		if !errors.As(err, &failure) {
			failure = &refusal{status: http.StatusInternalServerError, Type: "InternalServerException", Message: err.Error()}
		}
		s.log.InfoContext(r.Context(), "request refused",
			slog.String("target", r.Header.Get("X-Amz-Target")), slog.String("type", failure.Type), slog.String("message", failure.Message))
		answer, status = failure, failure.status
		w.Header().Set("X-Amzn-ErrorType", failure.Type)
	}
	text, err := json.Marshal(answer)
	if err != nil {
		s.log.ErrorContext(r.Context(), "encoding an answer", slog.Any("error", err))
		status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Amzn-RequestId", rand.Text())
	w.WriteHeader(status)
	if _, err := w.Write(text); err != nil {
		s.log.WarnContext(r.Context(), "sending an answer", slog.Any("error", err))
	}
}

func (s *Server) answer(r *http.Request) (any, error) {
	operation, ours := strings.CutPrefix(r.Header.Get("X-Amz-Target"), targetPrefix)
	if r.Method != http.MethodPost || r.URL.Path != "/" || !ours {
		return nil, refuse(http.StatusNotFound, "UnknownOperationException", "")
	}
	if r.Header.Get("Content-Type") != contentType {
		return nil, refuse(http.StatusBadRequest, "SerializationException", "Content-Type must be "+contentType)
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "SerializationException", err.Error())
	}
	if err := s.checkSignature(r, body); err != nil {
		return nil, err
	}
	if err := s.quotas.take(operation); err != nil {
		return nil, err
	}
	switch operation {
	case "ExecuteStatement":
		return respond(body, s.executeStatement)
	case "BatchExecuteStatement":
		return respond(body, s.batchExecuteStatement)
	case "DescribeStatement":
		return respond(body, s.describeStatement)
	case "GetStatementResult":
		return respond(body, s.getStatementResult)
	case "ListStatements":
		return respond(body, s.listStatements)
	case "CancelStatement":
		return respond(body, s.cancelStatement)
	}
	return nil, refuse(http.StatusNotFound, "UnknownOperationException", operation+" is not imitated by this stand-in")
}

// respond decodes the request strictly: a member that the stand-in does not
// know would otherwise be taken for one that it honours.
func respond[In, Out any](body []byte, do func(In) (Out, error)) (any, error) {
	var in In
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		return nil, refuse(http.StatusBadRequest, "SerializationException", err.Error())
	}
	return do(in)
}

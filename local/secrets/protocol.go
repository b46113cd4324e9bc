package secrets

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/stagelift/stagelift/local/sigv4"
)

const (
	target      = "secretsmanager.GetSecretValue"
	contentType = "application/x-amz-json-1.1"
	maxBody     = 1 << 20
)

// refusal is an exception of the API, as AWS JSON 1.1 carries it.
type refusal struct {
	status  int
	Type    string `json:"__type"`
	Message string `json:"Message"`
}

func (r *refusal) Error() string { return r.Type + ": " + r.Message }

func refuse(status int, kind, message string) error {
	return &refusal{status: status, Type: kind, Message: message}
}

// invalid is a refusal with the status that all of the call's own errors have.
func invalid(kind, message string) error { return refuse(http.StatusBadRequest, kind, message) }

// request is GetSecretValue's.
type request struct {
	ID      string `json:"SecretId"`
	Version string `json:"VersionId"`
	Stage   string `json:"VersionStage"`
}

// answer is GetSecretValue's. Text and Bytes exclude each other.
type answer struct {
	ARN     string   `json:"ARN"`
	Name    string   `json:"Name"`
	Version string   `json:"VersionId"`
	Stages  []string `json:"VersionStages"`
	Created float64  `json:"CreatedDate"`
	Text    *string  `json:"SecretString,omitempty"`
	Bytes   []byte   `json:"SecretBinary,omitempty"`
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	status := http.StatusOK
	var body any
	body, err := s.answer(r)
	if err != nil {
		failure := &refusal{}
		if !errors.As(err, &failure) {
			failure = &refusal{http.StatusInternalServerError, "InternalServiceError", err.Error()}
		}
		s.log.InfoContext(r.Context(), "request refused", slog.String("type", failure.Type), slog.String("message", failure.Message))
		body, status = failure, failure.status
		w.Header().Set("X-Amzn-ErrorType", failure.Type)
	}
	text, err := json.Marshal(body)
	if err != nil {
		s.log.ErrorContext(r.Context(), "encoding an answer", slog.Any("error", err))
		status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Amzn-RequestId", newID())
	w.WriteHeader(status)
	if _, err := w.Write(text); err != nil {
		s.log.WarnContext(r.Context(), "sending an answer", slog.Any("error", err))
	}
}

func (s *Server) answer(r *http.Request) (*answer, error) {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if err != nil {
		return nil, invalid("SerializationException", err.Error())
	}
	if err := s.checkSignature(r, body); err != nil {
		return nil, err
	}
	if asked := r.Header.Get("X-Amz-Target"); r.Method != http.MethodPost || r.URL.Path != "/" || asked != target {
		return nil, invalid("UnknownOperationException", asked+" is not imitated by this stand-in")
	}
	if r.Header.Get("Content-Type") != contentType {
		return nil, invalid("SerializationException", "Content-Type must be "+contentType)
	}
	var in request
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		return nil, invalid("SerializationException", err.Error())
	}
	return s.value(in)
}

func (s *Server) checkSignature(r *http.Request, body []byte) error {
	verify := sigv4.Verifier{
		Region: s.options.Region, Service: "secretsmanager", Now: s.options.Now,
		Credentials: aws.Credentials{AccessKeyID: s.options.AccessKey, SecretAccessKey: s.options.SecretKey},
	}
	err := verify.Check(r, body)
	if bad := (*sigv4.Error)(nil); errors.As(err, &bad) {
		status, exception := bad.JSON()
		return refuse(status, exception, bad.Message)
	}
	return err
}

// The staging labels that Secrets Manager moves itself.
const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
)

func (s *Server) value(in request) (*answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.ID == "" {
		return nil, invalid("ValidationException", "1 validation error detected: Value '' at 'secretId' failed to satisfy constraint: "+
			"Member must have length greater than or equal to 1")
	}
	found := s.find(in.ID)
	switch {
	case found == nil:
		return nil, invalid("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
	case found.denied:
		return nil, invalid("AccessDeniedException", "User is not authorized to perform: secretsmanager:GetSecretValue on resource: "+
			found.arn+" because no identity-based policy allows the secretsmanager:GetSecretValue action")
	case found.deleted:
		return nil, invalid("InvalidRequestException", "You can't perform this operation on the secret because it was marked for deletion.")
	}
	at, err := found.choose(in)
	if err != nil {
		return nil, err
	}
	v := found.versions[at]
	out := &answer{ARN: found.arn, Name: found.name, Version: v.id, Created: float64(v.created.UnixMilli()) / 1000}
	if label := found.label(at); label != "" {
		out.Stages = []string{label}
	}
	if v.binary {
		out.Bytes = v.content
	} else {
		text := string(v.content)
		out.Text = &text
	}
	return out, nil
}

// label is the staging label of a version; old ones have none.
func (s *stored) label(at int) string {
	return map[int]string{len(s.versions) - 1: current, len(s.versions) - 2: previous}[at]
}

// choose returns the number of the version that was asked for, which is the
// current one where neither a version nor a label was given.
func (s *stored) choose(in request) (int, error) {
	if in.Version == "" && in.Stage == "" {
		in.Stage = current
	}
	known := false
	for i, v := range s.versions {
		if in.Version != "" && v.id != in.Version {
			continue
		}
		if in.Stage == "" || in.Stage == s.label(i) {
			return i, nil
		}
		known = in.Version != ""
	}
	if known {
		return 0, invalid("InvalidRequestException", "You provided a VersionStage that is not associated to the provided VersionId.")
	}
	return 0, invalid("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for the version that was asked for.")
}

// newID is a random UUID.
func newID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // which does not fail
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	text := hex.EncodeToString(id[:])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}

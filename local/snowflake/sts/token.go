package sts

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/stagelift/stagelift/local/snowflake/jwt"
)

const (
	version     = "2011-06-15"
	maxBody     = 1 << 20
	defaultLife = 300
	minLife     = 60
	maxLife     = 3600
)

// claims are a token's, in AWS's names.
type claims struct {
	Issuer   string     `json:"iss"`
	Subject  string     `json:"sub"`
	Audience string     `json:"aud"`
	Issued   int64      `json:"iat"`
	Expires  int64      `json:"exp"`
	ID       string     `json:"jti"`
	AWS      awsDetails `json:"https://sts.amazonaws.com/"`
}

type awsDetails struct {
	Account     string `json:"aws_account"`
	Region      string `json:"source_region"`
	PrincipalID string `json:"principal_id"`
}

// refusal is an error of AWS Query.
type refusal struct {
	status        int
	code, message string
}

func (r *refusal) Error() string { return r.code + ": " + r.message }

func refuse(status int, code, message string) error { return &refusal{status, code, message} }

type errorResponse struct {
	XMLName xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ ErrorResponse"`
	Type    string   `xml:"Error>Type"`
	Code    string   `xml:"Error>Code"`
	Message string   `xml:"Error>Message"`
	ID      string   `xml:"RequestId"`
}

type tokenResponse struct {
	XMLName xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ GetWebIdentityTokenResponse"`
	Token   string   `xml:"GetWebIdentityTokenResult>WebIdentityToken"`
	Expires string   `xml:"GetWebIdentityTokenResult>Expiration"`
	ID      string   `xml:"ResponseMetadata>RequestId"`
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	id := newID()
	status := http.StatusOK
	var answer any
	token, expires, err := s.answer(r, id)
	answer = tokenResponse{Token: token, Expires: expires.UTC().Format(time.RFC3339), ID: id}
	if err != nil {
		failure := &refusal{}
		if !errors.As(err, &failure) {
			failure = &refusal{http.StatusInternalServerError, "InternalFailure", err.Error()}
		}
		s.log.InfoContext(r.Context(), "request refused", slog.String("code", failure.code), slog.String("message", failure.message))
		answer = errorResponse{Type: "Sender", Code: failure.code, Message: failure.message, ID: id}
		status = failure.status
	}
	text, err := xml.Marshal(answer)
	if err != nil {
		s.log.ErrorContext(r.Context(), "encoding an answer", slog.Any("error", err))
		status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("X-Amzn-RequestId", id)
	w.WriteHeader(status)
	if _, err := w.Write(text); err != nil {
		s.log.WarnContext(r.Context(), "sending an answer", slog.Any("error", err))
	}
}

func (s *Server) answer(r *http.Request, id string) (token string, expires time.Time, err error) {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if err != nil {
		return "", time.Time{}, refuse(http.StatusBadRequest, "MalformedInput", err.Error())
	}
	if err := s.checkSignature(r, body); err != nil {
		return "", time.Time{}, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/" {
		return "", time.Time{}, refuse(http.StatusBadRequest, "MalformedInput", "the request is not one of AWS Query")
	}
	if action := form.Get("Action"); action != "GetWebIdentityToken" || form.Get("Version") != version {
		return "", time.Time{}, refuse(http.StatusBadRequest, "InvalidAction",
			"Could not find operation "+action+" for version "+form.Get("Version"))
	}
	if s.disabled.Load() {
		return "", time.Time{}, refuse(http.StatusForbidden, "OutboundWebIdentityFederationDisabledException",
			"Outbound web identity federation is not enabled for this account.")
	}
	return s.issue(form, id)
}

// issue makes a token of what was asked for. What is not understood is an
// error: it would be missing from the token.
func (s *Server) issue(form url.Values, id string) (token string, expires time.Time, err error) {
	invalid := func(message string) (string, time.Time, error) {
		return "", time.Time{}, refuse(http.StatusBadRequest, "ValidationError", message)
	}
	life := defaultLife
	for name := range form {
		switch name {
		case "Action", "Version", "Audience.member.1", "SigningAlgorithm":
		case "DurationSeconds":
			if life, err = strconv.Atoi(form.Get(name)); err != nil || life < minLife || life > maxLife {
				return invalid("DurationSeconds must be between 60 and 3600")
			}
		default:
			return invalid(name + " is not imitated by this stand-in")
		}
	}
	audience := form.Get("Audience.member.1")
	key := map[string]string{jwt.RS256: rsaKey, jwt.ES384: ellipticKey}[form.Get("SigningAlgorithm")]
	switch {
	case audience == "":
		return invalid("Audience is required")
	case key == "":
		return invalid("SigningAlgorithm must be RS256 or ES384")
	}
	now := s.options.Now().Truncate(time.Second)
	expires = now.Add(time.Duration(life) * time.Second)
	account := ""
	if arn := strings.Split(s.options.RoleARN, ":"); len(arn) > 4 {
		account = arn[4]
	}
	token, err = jwt.Sign(claims{
		Issuer: s.issuer, Subject: s.options.RoleARN, Audience: audience, Issued: now.Unix(), Expires: expires.Unix(), ID: id,
		AWS: awsDetails{Account: account, Region: s.options.Region, PrincipalID: s.options.RoleARN},
	}, key, s.keys[key])
	return token, expires, err
}

// newID returns a random (version 4) UUID.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

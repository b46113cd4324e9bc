package redshift

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	signingName = "redshift-data"
	amzDate     = "20060102T150405Z"
	// maxSkew is how far the clocks may be apart.
	maxSkew = 5 * time.Minute
)

// authorization is a SigV4 Authorization header taken apart.
type authorization struct {
	credential, signedHeaders, signature string
}

// checkSignature signs the request again with what the caller should have
// signed it with, and compares. Any session token is taken as long as it is
// signed.
func (s *Server) checkSignature(r *http.Request, body []byte) error {
	given, ok := parseAuthorization(r.Header.Get("Authorization"))
	if !ok {
		return refuse(http.StatusForbidden, "MissingAuthenticationTokenException", "Missing Authentication Token")
	}
	at, err := time.Parse(amzDate, r.Header.Get("X-Amz-Date"))
	if err != nil {
		return badSignature("Date must be in ISO-8601 'basic format'")
	}
	if skew := s.options.now().Sub(at); skew > maxSkew || skew < -maxSkew {
		return badSignature("Signature expired or not yet current: " + r.Header.Get("X-Amz-Date"))
	}
	accessKey, scope, _ := strings.Cut(given.credential, "/")
	if accessKey != s.options.AccessKey {
		return refuse(http.StatusForbidden, "UnrecognizedClientException", "The security token included in the request is invalid.")
	}
	want := at.Format("20060102") + "/" + s.options.Region + "/" + signingName + "/aws4_request"
	if scope != want {
		return badSignature("Credential should be scoped to " + want + ", got " + scope)
	}
	again, err := s.signAgain(r, body, given.signedHeaders, at)
	if err != nil {
		return err
	}
	if again.signedHeaders != given.signedHeaders || !hmac.Equal([]byte(again.signature), []byte(given.signature)) {
		return badSignature("The request signature we calculated does not match the signature you provided.")
	}
	return nil
}

// signAgain builds the request from the signed headers alone: what a proxy
// added is no part of it, and what should have been signed is.
func (s *Server) signAgain(r *http.Request, body []byte, signedHeaders string, at time.Time) (authorization, error) {
	again, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+r.Host+r.URL.RequestURI(), http.NoBody)
	if err != nil {
		return authorization{}, badSignature(err.Error())
	}
	again.Header.Set("X-Amz-Target", r.Header.Get("X-Amz-Target"))
	for name := range strings.SplitSeq(signedHeaders, ";") {
		switch name {
		case "host":
		case "content-length":
			again.ContentLength = r.ContentLength
		default:
			again.Header[http.CanonicalHeaderKey(name)] = r.Header.Values(name)
		}
	}
	credentials := aws.Credentials{
		AccessKeyID: s.options.AccessKey, SecretAccessKey: s.options.SecretKey,
		SessionToken: r.Header.Get("X-Amz-Security-Token"),
	}
	digest := sha256.Sum256(body)
	err = v4.NewSigner().SignHTTP(r.Context(), credentials, again, hex.EncodeToString(digest[:]), signingName, s.options.Region, at)
	if err != nil {
		return authorization{}, badSignature(err.Error())
	}
	parsed, _ := parseAuthorization(again.Header.Get("Authorization"))
	return parsed, nil
}

func parseAuthorization(header string) (authorization, bool) {
	var a authorization
	rest, ok := strings.CutPrefix(header, "AWS4-HMAC-SHA256 ")
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Credential":
			a.credential = value
		case "SignedHeaders":
			a.signedHeaders = value
		case "Signature":
			a.signature = value
		}
	}
	return a, ok && a.credential != "" && a.signedHeaders != "" && a.signature != ""
}

func badSignature(message string) error {
	return refuse(http.StatusForbidden, "InvalidSignatureException", message)
}

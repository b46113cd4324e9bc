package sts

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
	signingName = "sts"
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
		return refuse(http.StatusForbidden, "MissingAuthenticationToken", "Request is missing Authentication Token")
	}
	at, err := time.Parse(amzDate, r.Header.Get("X-Amz-Date"))
	if err != nil {
		return refuse(http.StatusBadRequest, "IncompleteSignature", "Date must be in ISO-8601 'basic format'")
	}
	if skew := s.options.Now().Sub(at); skew > maxSkew || skew < -maxSkew {
		return refuse(http.StatusForbidden, "SignatureDoesNotMatch", "Signature expired or not yet current: "+r.Header.Get("X-Amz-Date"))
	}
	accessKey, scope, _ := strings.Cut(given.credential, "/")
	if accessKey != s.options.AccessKey {
		return refuse(http.StatusForbidden, "InvalidClientTokenId", "The security token included in the request is invalid.")
	}
	if want := at.Format("20060102") + "/" + s.options.Region + "/" + signingName + "/aws4_request"; scope != want {
		return refuse(http.StatusForbidden, "SignatureDoesNotMatch", "Credential should be scoped to "+want+", got "+scope)
	}
	again, err := s.signAgain(r, body, given.signedHeaders, at)
	if err != nil || again.signedHeaders != given.signedHeaders || !hmac.Equal([]byte(again.signature), []byte(given.signature)) {
		return refuse(http.StatusForbidden, "SignatureDoesNotMatch",
			"The request signature we calculated does not match the signature you provided.")
	}
	return nil
}

// signAgain builds the request from the signed headers alone: what a proxy
// added is no part of it.
func (s *Server) signAgain(r *http.Request, body []byte, signedHeaders string, at time.Time) (authorization, error) {
	again, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+r.Host+r.URL.RequestURI(), http.NoBody)
	if err != nil {
		return authorization{}, err
	}
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
	if err := v4.NewSigner().SignHTTP(r.Context(), credentials, again, hex.EncodeToString(digest[:]), signingName, s.options.Region, at); err != nil {
		return authorization{}, err
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

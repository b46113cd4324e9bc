// Package sigv4 checks the signatures that AWS's services check (IAM User
// Guide, "AWS Signature Version 4 for API requests"), for the stand-ins.
//
// A request is signed again, by the SDK's own signer, as it should have been
// signed, and the two signatures are compared. Everything that the signature
// covers must be as it was signed: method, host, path, query, body and headers;
// every X-Amz- header must be among those signed.
//
// There is one key pair that is valid. In requests any session token is taken
// as long as it is signed; in presigned queries it must be the key pair's own.
// Not imitated: SigV4a, chunked bodies, and unsigned payloads.
package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	dateLayout = "20060102T150405Z"
	// maxSkew is how far the clocks may be apart.
	maxSkew = 5 * time.Minute
)

// Verifier checks what must be signed for one service of one region.
type Verifier struct {
	Region, Service string
	// Credentials are the only ones that are valid.
	Credentials aws.Credentials
	// Now is the clock; nil is the real one.
	Now func() time.Time
}

func (v Verifier) now() time.Time {
	if v.Now == nil {
		return time.Now()
	}
	return v.Now()
}

// Check tells why a request is not signed as it should be; nil accepts it. The
// body is the request's, which has been read. Every error is an *Error and
// holds nothing that is secret.
func (v Verifier) Check(r *http.Request, body []byte) error {
	given, ok := parseAuthorization(r.Header.Get("Authorization"))
	if !ok {
		return &Error{Missing, "Missing Authentication Token"}
	}
	at, err := time.Parse(dateLayout, r.Header.Get("X-Amz-Date"))
	if err != nil {
		return &Error{Undated, "Date must be in ISO-8601 'basic format'"}
	}
	if skew := v.now().Sub(at); skew > maxSkew || skew < -maxSkew {
		return &Error{Mismatch, "Signature expired or not yet current: " + r.Header.Get("X-Amz-Date")}
	}
	accessKey, scope, _ := strings.Cut(given.credential, "/")
	if accessKey != v.Credentials.AccessKeyID {
		return &Error{UnknownKey, "The security token included in the request is invalid."}
	}
	if want := at.Format("20060102") + "/" + v.Region + "/" + v.Service + "/aws4_request"; scope != want {
		return &Error{Mismatch, "Credential should be scoped to " + want + ", got " + scope}
	}
	again, err := v.signAgain(r, body, given.signedHeaders, at)
	if err != nil {
		return &Error{Mismatch, err.Error()}
	}
	if again.signedHeaders != given.signedHeaders || !hmac.Equal([]byte(again.signature), []byte(given.signature)) {
		return &Error{Mismatch, "The request signature we calculated does not match the signature you provided."}
	}
	return nil
}

// signAgain builds the request from the signed headers and those that must be
// signed: what a proxy added is no part of it.
func (v Verifier) signAgain(r *http.Request, body []byte, signedHeaders string, at time.Time) (authorization, error) {
	again, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+r.Host+r.URL.RequestURI(), http.NoBody)
	if err != nil {
		return authorization{}, err
	}
	for name, values := range r.Header {
		if strings.HasPrefix(name, "X-Amz-") {
			again.Header[name] = values
		}
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
	credentials := v.Credentials
	credentials.SessionToken = r.Header.Get("X-Amz-Security-Token")
	digest := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(r.Context(), credentials, again, hex.EncodeToString(digest[:]), v.Service, v.Region, at); err != nil {
		return authorization{}, fmt.Errorf("signing for comparison: %w", err)
	}
	parsed, _ := parseAuthorization(again.Header.Get("Authorization"))
	return parsed, nil
}

// authorization is an Authorization header taken apart.
type authorization struct {
	credential, signedHeaders, signature string
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

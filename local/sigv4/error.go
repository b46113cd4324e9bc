package sigv4

import "net/http"

// Reason is why a signature is refused.
type Reason int

// The reasons.
const (
	// Missing means that there is no signature.
	Missing Reason = iota
	// Undated means that there is no date that can be read.
	Undated
	// UnknownKey means that the access key is nobody's.
	UnknownKey
	// Mismatch means everything else: another secret, another request, another
	// time or place.
	Mismatch
)

// Error is why a signature is refused, as AWS words it.
type Error struct {
	Reason  Reason
	Message string
}

func (e *Error) Error() string { return e.Message }

// JSON is the status and the exception that services of the AWS JSON protocol
// answer (their API references, "Common Errors").
func (e *Error) JSON() (status int, exception string) {
	switch e.Reason {
	case Missing:
		return http.StatusForbidden, "MissingAuthenticationTokenException"
	case UnknownKey:
		return http.StatusForbidden, "UnrecognizedClientException"
	case Undated, Mismatch:
	}
	return http.StatusForbidden, "InvalidSignatureException"
}

// Query is the status and the code that services of the AWS Query protocol
// answer.
func (e *Error) Query() (status int, code string) {
	switch e.Reason {
	case Missing:
		return http.StatusForbidden, "MissingAuthenticationToken"
	case Undated:
		return http.StatusBadRequest, "IncompleteSignature"
	case UnknownKey:
		return http.StatusForbidden, "InvalidClientTokenId"
	case Mismatch:
	}
	return http.StatusForbidden, "SignatureDoesNotMatch"
}

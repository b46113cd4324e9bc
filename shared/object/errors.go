package object

import (
	"errors"
	"fmt"
	"net/http"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// codeOf returns S3's error code, empty when S3 did not answer.
func codeOf(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

// statusOf returns the HTTP status of the last answer, 0 when there was none.
func statusOf(err error) int {
	if response, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		return response.HTTPStatusCode()
	}
	return 0
}

// missing reports whether err says that the object is absent. The answer to a
// HEAD has no body to tell what is missing.
func missing(err error) bool {
	switch codeOf(err) {
	case "NoSuchKey", "NoSuchVersion", "NotFound":
		return true
	}
	return false
}

// asNotFound marks an error of reading an object that need not be there.
func asNotFound(err error) error {
	if missing(err) {
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	return err
}

// asChanged marks an error of reading an object that was there before.
func asChanged(err error) error {
	if missing(err) || statusOf(err) == http.StatusPreconditionFailed {
		return fmt.Errorf("%w: %w", ErrChanged, err)
	}
	return err
}

// unsignedBodies leaves the body out of the signature of the two requests that
// carry our bytes: with a CRC-32C among the signed headers, hashing them once
// more with SHA-256 would cost more than everything else. TLS keeps others from
// the body; an endpoint without TLS is on a laptop.
func unsignedBodies(stack *middleware.Stack) error {
	switch stack.ID() {
	case "PutObject", "UploadPart":
		return v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware(stack)
	}
	return nil
}

// Code returns S3's error code, such as AccessDenied or NoSuchBucket; empty if
// the error is not an answer of S3.
func Code(err error) string { return codeOf(err) }

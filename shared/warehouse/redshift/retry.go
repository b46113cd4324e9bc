package redshift

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata"
)

// The Data API takes so many calls a second of an account, and no more of them
// can be had ("Quotas and limits in Amazon Redshift", Quotas for Amazon Redshift
// Data API): 20 BatchExecuteStatement and GetStatementResult, 30
// ExecuteStatement, 100 DescribeStatement. Three hundred loads that begin at once
// need half a minute for their turn, so a call is made this often before it is
// given up, with pauses that double up to the longest and are random below that.
const (
	maxAttempts = 30
	maxBackoff  = 6 * time.Second
)

// patientUnless makes a client that waits for its turn, where cfg does not say
// how calls are tried again. The SDK's own bucket of tokens for retries would be
// empty when retries are needed; the attempts bound them.
func patientUnless(cfg aws.Config) func(*redshiftdata.Options) {
	return func(o *redshiftdata.Options) {
		if cfg.Retryer != nil {
			return
		}
		o.Retryer = retry.NewStandard(func(r *retry.StandardOptions) {
			r.MaxAttempts, r.MaxBackoff = maxAttempts, maxBackoff
			r.RateLimiter = ratelimit.None
		})
	}
}

// once makes one call of it.
func once(o *redshiftdata.Options) { o.RetryMaxAttempts = 1 }

// few bounds the attempts at a look, which is taken again anyhow.
func few(o *redshiftdata.Options) { o.RetryMaxAttempts = 4 }

// passing reports whether a call that failed says nothing of what it asked for:
// it was one too many, the service failed, or the answer was not heard. What the
// caller's own end cut short is not.
func passing(ctx context.Context, err error) bool {
	if err == nil || ctx.Err() != nil {
		return false
	}
	if _, gaveUp := errors.AsType[*retry.MaxAttemptsError](err); gaveUp {
		return true
	}
	return retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err) == aws.TrueTernary
}

package snowflake

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
)

const (
	identityType     = "WORKLOAD_IDENTITY_FEDERATION"
	identityAudience = "snowflakecomputing.com"
	// identityLife is the shortest that spares STS a call for each request:
	// the token proves who calls, and is good for nothing else.
	identityLife = 15 * 60
)

// WorkloadIdentity is who AWS says that the caller is: STS signs a token for
// the role that the function runs as, and Snowflake knows the role as a user.
// No secret is kept anywhere.
type WorkloadIdentity struct {
	api *sts.Client
}

// NewWorkloadIdentity uses the configuration's credentials and its region: the
// global endpoint of STS has no such tokens.
func NewWorkloadIdentity(cfg aws.Config) *WorkloadIdentity {
	return &WorkloadIdentity{api: sts.NewFromConfig(cfg)}
}

// Token asks STS.
func (w *WorkloadIdentity) Token(ctx context.Context) (Token, error) {
	out, err := w.api.GetWebIdentityToken(ctx, &sts.GetWebIdentityTokenInput{
		Audience:         []string{identityAudience},
		SigningAlgorithm: aws.String("RS256"),
		DurationSeconds:  aws.Int32(identityLife),
	})
	if disabled := (*ststypes.OutboundWebIdentityFederationDisabledException)(nil); errors.As(err, &disabled) {
		return Token{}, fmt.Errorf("asking STS for a web identity token: %w; "+
			"enable outbound identity federation for the AWS account (iam:EnableOutboundWebIdentityFederation)", err)
	}
	if err != nil {
		return Token{}, fmt.Errorf("asking STS for a web identity token: %w", err)
	}
	jwt := aws.ToString(out.WebIdentityToken)
	if strings.Count(jwt, ".") != 2 || out.Expiration == nil {
		return Token{}, errors.New("asking STS for a web identity token: the answer holds none")
	}
	return Token{Type: identityType, Value: "WIF.AWS." + jwt, Expires: *out.Expiration}, nil
}

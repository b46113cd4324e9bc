package snowflake

import (
	"fmt"
	"net"
	"regexp"
	"strings"
)

const domain = ".snowflakecomputing.com"

var accountShape = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$`)

// hostOf returns the host of an account. Names of hosts have no underscores, so
// that Snowflake answers under the name with hyphens in their place.
func hostOf(account string) (string, error) {
	account = strings.TrimSuffix(strings.ToLower(account), domain)
	if !accountShape.MatchString(account) {
		return "", fmt.Errorf("account %q: want an account identifier such as myorg-myaccount", account)
	}
	return strings.ReplaceAll(account, "_", "-") + domain, nil
}

// claimedAccount returns the account as the claims of a JWT have it: in
// capitals and, of a locator, without its region, which follows the first dot.
// Underscores stay (Snowflake guide, "Authenticating to the server").
func claimedAccount(account string) string {
	account = strings.TrimSuffix(strings.ToLower(account), domain)
	locator, _, _ := strings.Cut(account, ".")
	return strings.ToUpper(locator)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

package lambdahost

import (
	"testing"
	"time"
)

func TestAllTimeIsBilledInWholeMilliseconds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		result Result
		want   time.Duration
	}{
		"warm":               {Result{Duration: 3 * time.Millisecond}, 3 * time.Millisecond},
		"a part of one":      {Result{Duration: 3*time.Millisecond + 1}, 4 * time.Millisecond},
		"initialisation too": {Result{Init: 4900 * time.Microsecond, Duration: 3 * time.Millisecond}, 8 * time.Millisecond},
		"nothing":            {Result{}, 0},
	} {
		if got := c.result.Billed(); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

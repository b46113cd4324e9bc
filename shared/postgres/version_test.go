package postgres_test

import (
	"strings"
	"testing"

	"github.com/stagelift/stagelift/local/pgserver/pgtest"
	"github.com/stagelift/stagelift/shared/postgres"
)

// On a server that is too old, no statement of ours fails for want of something:
// the first thing that is said is the version. On any other nothing is said.
func TestServerBefore13IsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec("CREATE TABLE t (n int)")
	major := pgtest.Major(t, b.admin.PgConn())
	err := b.refusal(postgres.Selection{Include: patterns(t, "public.t")})
	switch {
	case major >= 13 && err != nil:
		t.Errorf("PostgreSQL %d is refused: %v", major, err)
	case major < 13 && (err == nil || !strings.Contains(err.Error(), "and 13 or later is needed")):
		t.Errorf("PostgreSQL %d: got %v, want that 13 or later is needed", major, err)
	}
}

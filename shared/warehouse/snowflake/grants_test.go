package snowflake

import (
	"strings"
	"testing"

	"github.com/stagelift/stagelift/shared/warehouse"
)

// granted are the privileges that were given away, as the account has them.
const granted = `SELECT role || ' ' || kind || ' ' || privilege FROM snowflake_system.grants
	WHERE role IN ('REPORTING', 'the "analysts"', 'user LOADER') ORDER BY 1`

func TestNewTargetsAreGranted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.administer("CREATE ROLE REPORTING", `CREATE ROLE "the ""analysts"""`)
	l := b.stage(1, "1,a")
	l.Grants = []string{"ROLE reporting", `role "the ""analysts"""`, "USER loader", "ROLE nobody"}
	outcome := b.load(l, warehouse.Loaded)
	b.want(granted, "REPORTING SCHEMA USAGE", "REPORTING TABLE SELECT", `the "analysts" SCHEMA USAGE`, `the "analysts" TABLE SELECT`,
		"user LOADER SCHEMA USAGE", "user LOADER TABLE SELECT")
	if len(outcome.Warnings) != 2 || !strings.Contains(outcome.Warnings[1], `GRANT SELECT ON TABLE "public"."t" TO ROLE "NOBODY": `) ||
		!strings.Contains(outcome.Warnings[1], "'NOBODY' does not exist") {
		t.Errorf("warnings %q", outcome.Warnings)
	}
	if outcome = b.load(b.stage(2, "2,b"), warehouse.Loaded); len(outcome.Warnings) > 0 {
		t.Errorf("warnings %q", outcome.Warnings)
	}
}

func TestWhatIsNobodyIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for grant, want := range map[string]string{
		"reporting": "want ROLE, USER or GROUP and a name", "ROLE größe": "want ROLE, USER or GROUP and a name", "GROUP analysts": "Snowflake has no groups",
	} {
		l := b.stage(1, "1,a")
		l.Grants = []string{grant}
		_, _ = b.fail(l, want)
	}
}

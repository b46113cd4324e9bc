package redshift

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	standin "github.com/stagelift/stagelift/local/redshift"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

const typesOfT = `SELECT column_name || ' ' || data_type || coalesce(character_maximum_length::text, '') FROM information_schema.columns
	WHERE table_schema = 'public' AND table_name = 't' ORDER BY column_name`

// What a user may do who was given the schemas that are there, and nothing on the
// database.
var smaller = standin.Strictness{Grants: []string{}}

// CREATE SCHEMA takes a right on the database also where the schema is there.
func TestSchemasThatAreThereAreNotCreated(t *testing.T) {
	t.Parallel()
	b := setup(t, strict(smaller))
	b.administer("CREATE SCHEMA stagelift", "CREATE SCHEMA mart", `GRANT USAGE, CREATE ON SCHEMA stagelift, mart TO "IAMR:load"`)
	l := b.stage(1, "1,a")
	l.Target.Schema = "mart"
	b.load(l, warehouse.Loaded)
	b.want("SELECT id || s FROM mart.t", "1a")
	l = b.stage(2, "1,a")
	l.Target.Schema = "another"
	_, err := carryOut(t.Context(), b.client, l)
	wantError(t, err, "permission denied for database dev")
}

// A comment is the owner's to make. It must not stand in the way of a load into a
// table that somebody else owns.
func TestCommentThatIsRefusedIsAWarning(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.administer("CREATE TABLE public.t (id BIGINT, s VARCHAR(12))", `GRANT SELECT, INSERT, UPDATE, DELETE, ALTER ON public.t TO "IAMR:load"`)
	l := b.stage(1, "1,a,7")
	l.Columns = append(l.Columns, table.Column{Name: "n", Type: "integer"})
	outcome := b.end(l)
	b.want("SELECT id || s || n FROM public.t", "1a7")
	if diff := cmp.Diff([]warehouse.Change{{Kind: warehouse.Added, Column: "n", Is: "INTEGER"}}, outcome.Changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if len(outcome.Warnings) != 1 {
		t.Fatalf("warnings %q, want one", outcome.Warnings)
	}
	wantError(t, errors.New(outcome.Warnings[0]), "a comment or a grant on public.t was refused", "must be owner of relation t")
}

// A warehouse that zero-ETL integrations feed keeps the case of quoted names.
func TestCaseSensitiveIdentifiers(t *testing.T) {
	t.Parallel()
	b := setup(t, strict(standin.Strictness{CaseSensitive: true}))
	l := b.stage(1, "1,a,x")
	l.Target = table.Name{Schema: "Mart", Table: "Orders"}
	l.Columns = append(l.Columns, table.Column{Name: "S", Type: "text"})
	b.load(l, warehouse.Loaded)
	b.load(l, warehouse.AlreadyLoaded)
	lower := b.stage(2, "2,b")
	lower.Target, lower.Source = table.Name{Schema: "Mart", Table: "orders"}, table.Name{Schema: "public", Table: "u"}
	b.load(lower, warehouse.Loaded) // is another table, with a ledger of its own
	next := b.stage(3, "3,c,z,4")
	next.Target, next.Columns = l.Target, append(slices.Clone(l.Columns), table.Column{Name: "N", Type: "integer"})
	b.load(next, warehouse.Loaded)
	b.want(`SELECT id || s || "S" || coalesce("N"::text, '') FROM "Mart"."Orders" ORDER BY id`, "1ax", "3cz4")
	b.want(`SELECT id || s FROM "Mart".orders`, "2b")
	b.want(`SELECT table_name FROM information_schema.tables WHERE table_schema = 'stagelift' AND table_name LIKE '%Mart%' ORDER BY 1`, `"Mart"."Orders"`, `"Mart".orders`)
}

func TestNamesThatFoldToOneAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.stage(1, "1,a,x")
	l.Columns = append(l.Columns, table.Column{Name: "S", Type: "text"})
	_, err := carryOut(t.Context(), b.client, l)
	wantError(t, err, `columns "s" and "S" are one name to Redshift`, "nothing was changed")
}

// A text without a limit fits as far as it fits: a user's column stays as it is, and
// what is too long is refused by name.
func TestTextsFitAsFarAsTheyFit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.administer("CREATE TABLE public.t (id BIGINT, s VARCHAR(12))", `GRANT SELECT, INSERT, UPDATE, DELETE ON public.t TO "IAMR:load"`)
	l := b.stage(1, "1,a")
	l.Columns[1].Type = "text"
	if changes := b.end(l).Changes; changes != nil {
		t.Errorf("changes %+v, want none", changes)
	}
	b.want(typesOfT, "id bigint", "s character varying12")
	long := b.stage(2, "2,longer than twelve bytes")
	long.Columns[1].Type = "text"
	_, err := carryOut(t.Context(), b.client, long)
	if !errors.Is(err, warehouse.ErrColumn) {
		t.Errorf("error is %v, want ErrColumn", err)
	}
	wantError(t, err, `a text is too long for column "s" (VARCHAR(12))`, `ALTER TABLE "public"."t" ALTER COLUMN "s" TYPE VARCHAR(65535)`, "nothing was changed")
	b.want(rowsOfT, "1=a")
}

// Numbers that grew in the source get a wider column in the place of theirs.
func TestNumbersAreWidened(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.stage(1, "1,a,2.5")
	l.Columns[0].Type = "smallint"
	l.Columns = append(l.Columns, table.Column{Name: "d", Type: "numeric(5,1)"})
	b.end(l)
	next := b.stage(2, "9000000000,b,1234567.75")
	next.Columns = append(next.Columns, table.Column{Name: "d", Type: "numeric(10,2)"})
	outcome := b.end(next)
	b.want(`SELECT id || ' ' || s || ' ' || d FROM public.t ORDER BY id`, "1 a 2.50", "9000000000 b 1234567.75")
	if diff := cmp.Diff([]warehouse.Change{
		{Kind: warehouse.Widened, Column: "id", Was: "SMALLINT", Is: "BIGINT"},
		{Kind: warehouse.Widened, Column: "d", Was: "DECIMAL(5,1)", Is: "DECIMAL(10,2)"},
	}, outcome.Changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if outcome.Warnings != nil {
		t.Errorf("warnings %q", outcome.Warnings)
	}
	b.want(`SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 't' ORDER BY 1`, "d", "id", "s")
}

// A view that is bound to the column is named before anything is changed. One that
// binds late goes on.
func TestViewsAreNamedBeforeAColumnIsWidened(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.stage(1, "1,a")
	l.Columns[0].Type = "integer"
	b.end(l)
	b.administer(`CREATE VIEW public."The view" AS SELECT id FROM public.t`, "CREATE VIEW public.late AS SELECT id FROM public.t WITH NO SCHEMA BINDING")
	next := b.stage(2, "9000000000,b")
	_, err := carryOut(t.Context(), b.client, next)
	if !errors.Is(err, warehouse.ErrColumn) {
		t.Errorf("error is %v, want ErrColumn", err)
	}
	wantError(t, err, `to change the type of its columns, views that are bound to the table must go first: "public"."the view" ("id")`,
		`run: DROP VIEW "public"."the view"`, "nothing was changed")
	b.want(typesOfT, "id integer", "s character varying12")
	b.administer(`DROP VIEW public."The view"`)
	b.end(next)
	b.want(rowsOfT, "1=a", "9000000000=b")
}

// An encoding that forbids ALTER COLUMN TYPE is named with what to run.
func TestTextThatCannotBeWidenedSaysWhy(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.administer("CREATE TABLE public.t (id BIGINT, s VARCHAR(12) ENCODE bytedict)", `GRANT SELECT, INSERT, UPDATE, DELETE ON public.t TO "IAMR:load"`)
	l := b.stage(1, "1,a")
	l.Columns[1].Type = "character varying(10)"
	_, err := carryOut(t.Context(), b.client, l)
	wantError(t, err, "its compression encoding is BYTEDICT", `run: ALTER TABLE "public"."t" ALTER COLUMN "s" ENCODE lzo; ALTER TABLE "public"."t" ALTER COLUMN "s" TYPE VARCHAR(40)`)
}

func TestPoliciesOfChanges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.end(b.stage(1, "1,a"))
	more := b.stage(2, "2,b,7")
	more.Columns = append(more.Columns, table.Column{Name: "n", Type: "integer"})
	more.Changes = warehouse.Freeze
	_, err := carryOut(t.Context(), b.client, more)
	wantError(t, err, `schema_changes freeze: column "n" of public.t is not there, staged is INTEGER; to allow it run: ALTER TABLE "public"."t" ADD COLUMN "n" INTEGER`)
	fewer := b.stage(3, "3")
	fewer.Columns, fewer.Changes = fewer.Columns[:1], warehouse.Freeze
	_, err = carryOut(t.Context(), b.client, fewer)
	wantError(t, err, `schema_changes freeze: column "s" of public.t is VARCHAR(12), staged is not there`, `DROP COLUMN "s"`)
	fewer.Absent = []string{"s"} // is left out, and not gone
	if changes := b.end(fewer).Changes; changes != nil {
		t.Errorf("changes %+v, want none", changes)
	}
	wider := b.stage(4, "4,b")
	wider.Columns[1].Type, wider.Changes = "character varying(9)", warehouse.AddOnly
	_, err = carryOut(t.Context(), b.client, wider)
	wantError(t, err, `schema_changes add: column "s" of public.t is VARCHAR(12), staged is VARCHAR(36); to allow it run: ALTER TABLE "public"."t" ALTER COLUMN "s" TYPE VARCHAR(36)`)
	more.Changes = warehouse.AddOnly
	b.end(more)
	b.want(`SELECT id || coalesce(s, '') || coalesce(n::text, '') FROM public.t ORDER BY id`, "1a", "2b7", "3")
}

// A column that is gone beside a new one of its type may be renamed.
func TestWhatSeemsRenamedIsTold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.end(b.stage(1, "1,a"))
	l := b.stage(2, "2,b")
	l.Columns[1].Name = "label"
	if diff := cmp.Diff([]warehouse.Change{{Kind: warehouse.Renamed, Column: "label", Was: "s", Is: "label"}}, b.end(l).Changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

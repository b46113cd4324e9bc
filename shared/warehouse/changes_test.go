package warehouse_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

func TestARenameIsToldAsItSeems(t *testing.T) {
	t.Parallel()
	gone := func(column, kind string) warehouse.Change {
		return warehouse.Change{Kind: warehouse.Gone, Column: column, Was: kind}
	}
	added := func(column, kind string) warehouse.Change {
		return warehouse.Change{Kind: warehouse.Added, Column: column, Is: kind}
	}
	widened := warehouse.Change{Kind: warehouse.Widened, Column: "w", Was: "A", Is: "AA"}
	for name, c := range map[string]struct{ changes, want []warehouse.Change }{
		"one of each, of one type": {
			[]warehouse.Change{widened, added("b", "T"), gone("a", "T")},
			[]warehouse.Change{widened, {Kind: warehouse.Renamed, Column: "b", Was: "a", Is: "b"}},
		},
		"other types": {
			[]warehouse.Change{added("b", "T"), gone("a", "U")},
			[]warehouse.Change{added("b", "T"), gone("a", "U")},
		},
		"two that it could be": {
			[]warehouse.Change{added("b", "T"), gone("a", "T"), gone("c", "T")},
			[]warehouse.Change{added("b", "T"), gone("a", "T"), gone("c", "T")},
		},
		"nothing": {nil, nil},
	} {
		if diff := cmp.Diff(c.want, warehouse.Renames(c.changes)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestPoliciesRefuseByName(t *testing.T) {
	t.Parallel()
	for policy, refused := range map[warehouse.SchemaChanges][]string{
		"":                nil,
		warehouse.Evolve:  nil,
		warehouse.AddOnly: {warehouse.Widened, warehouse.Recreated, warehouse.Renamed},
		warehouse.Freeze:  {warehouse.Added, warehouse.Gone, warehouse.Widened, warehouse.Recreated, warehouse.Renamed},
	} {
		want := map[string]bool{}
		for _, kind := range refused {
			want[kind] = true
		}
		for _, kind := range []string{warehouse.Added, warehouse.Gone, warehouse.Widened, warehouse.Recreated, warehouse.Renamed} {
			if policy.Refuses(kind) != want[kind] {
				t.Errorf("%q refuses %s: %t", policy, kind, !want[kind])
			}
		}
	}
	load := warehouse.Load{Target: table.Name{Schema: "public", Table: "t"}}
	load.Changes = warehouse.Freeze
	err := warehouse.Refusal(load, warehouse.Change{Kind: warehouse.Added, Column: "n", Is: "BIGINT"}, "ALTER TABLE …")
	want := `schema_changes freeze: column "n" of public.t is not there, staged is BIGINT; to allow it run: ALTER TABLE …`
	if !errors.Is(err, warehouse.ErrColumn) || !strings.Contains(err.Error(), want) {
		t.Errorf("error is %q, want %q in it", err, want)
	}
}

func TestGrantsAreRoleUserOrGroup(t *testing.T) {
	t.Parallel()
	for grant, want := range map[string]warehouse.Grantee{
		"ROLE reporting":           {Kind: "ROLE", Name: "reporting"},
		"user Ann":                 {Kind: "USER", Name: "Ann"},
		`GROUP "the ""analysts"""`: {Kind: "GROUP", Name: `the "analysts"`, Exact: true},
		`USER "IAMR:dashboards"`:   {Kind: "USER", Name: "IAMR:dashboards", Exact: true},
	} {
		got, err := warehouse.ParseGrant(grant)
		if err != nil || got != want {
			t.Errorf("%s is %+v, %v, want %+v", grant, got, err, want)
		}
	}
	for _, grant := range []string{"", "reporting", "PUBLIC", "ROLE", `ROLE ""`, "ROLE a b", `ROLE a"; DROP TABLE t`, "DATABASE ROLE a", "ROLE IAMR:x", "ROLE \"a\nb\""} {
		if err := warehouse.CheckGrant(grant); err == nil || !strings.Contains(err.Error(), "want ROLE, USER or GROUP") {
			t.Errorf("%q: error is %v", grant, err)
		}
	}
}

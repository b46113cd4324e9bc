package run

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/stage"
)

const modes = `CREATE TABLE keyed (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text, w text); INSERT INTO keyed (v) VALUES ('a'), ('b');
CREATE TABLE keyless (id bigint GENERATED ALWAYS AS IDENTITY, v text); INSERT INTO keyless (v) VALUES ('a'), ('b');`

// What nobody says loses nothing and doubles nothing.
func TestModesThatNobodySaid(t *testing.T) {
	t.Parallel()
	b := setup(t, modes)
	layout, number := b.job.Layout, 0
	check := func(request, keyed, keyless string) {
		t.Helper()
		number++
		b.job.Layout = stage.Layout{Prefix: fmt.Sprintf("%s%d/", layout.Prefix, number)} // without the states of others
		q, err := DecodeRequest(json.RawMessage(`{"tables":["public.*"],` + request + `}`))
		if err != nil {
			t.Fatal(err)
		}
		answer := b.run(q)
		for table, want := range map[string]string{"public.keyed": keyed, "public.keyless": keyless} {
			o := answer.outcome(b, table)
			if receipt := b.receipt(o.Receipt); receipt.Load.Mode != want || o.Load != want {
				t.Errorf("%s: %s is loaded by %q, and the answer says %q, want %q", request, table, receipt.Load.Mode, o.Load, want)
			}
		}
	}
	check(`"format":"csv"`, "replace", "replace")
	check(`"overrides":{"public.keyed":{"exclude_columns":["id"]}}`, "replace", "replace")
	check(`"overrides":{"public.keyed":{"where":"id > 1"},"public.keyless":{"where":"id > 1","primary_key":["id"]}}`, "merge", "merge")
	check(`"overrides":{"public.keyless":{"where":"id > 1","load":{"mode":"replace"}}}`, "replace", "replace")
	check(`"load":{"mode":"append"},"overrides":{"public.keyed":{"where":"id > 1"}}`, "append", "append")
	const cursors = `"mode":"incremental","overrides":{"public.keyed":{"cursor":{"column":"id"}},"public.keyless":{"cursor":{"column":"id"}`
	check(cursors+`}}`, "merge", "append")
	check(cursors+`,"primary_key":["id"]}}`, "merge", "merge")
	check(cursors+`}},"restart":["public.keyed","public.keyless"]`, "merge", "replace")
	check(cursors+`,"load":{"mode":"merge"},"primary_key":["id"]}},"load":{"mode":"append"}`, "append", "merge")
}

func TestRowsThatCannotBeLoadedSafelyNeedAWord(t *testing.T) {
	t.Parallel()
	b := setup(t, modes)
	answer, err := b.job.Run(t.Context(), Request{Tables: []string{"public.*"}, Overrides: map[string]Override{"public.keyless": {Where: "id > 1"}}})
	wantError(t, err, "public.keyless", "no key to merge them by", "primary_key", `"mode":"replace"`, `"append"`)
	b.wantFailed(answer.outcome(b, "public.keyless"), fault.TableRequest)
	if o := answer.outcome(b, "public.keyed"); o.Outcome != Published {
		t.Errorf("keyed is %+v", o)
	}
	_, err = b.job.Run(t.Context(), Request{Tables: []string{"public.keyless"}, Mode: "incremental", Overrides: map[string]Override{"public.keyless": {Cursor: &Cursor{Column: "id", Lookback: "10"}}}})
	wantError(t, err, "public.keyless", "with a lookback rows come again")
}

// Windows that were merged are not appended all at once because the key is gone.
func TestWindowsAreNotAppendedOnceTheirKeyIsGone(t *testing.T) {
	t.Parallel()
	b := setup(t, modes)
	request := Request{Tables: []string{"public.keyed"}, Mode: "incremental", Overrides: map[string]Override{"public.keyed": {Cursor: &Cursor{Column: "id"}}}}
	b.run(request)
	b.exec("ALTER TABLE keyed DROP CONSTRAINT keyed_pkey; INSERT INTO keyed (v) VALUES ('c')")
	answer, err := b.job.Run(t.Context(), request)
	wantError(t, err, "merged by a key", "primary_key")
	b.wantFailed(answer.outcome(b, "public.keyed"), fault.StateDiffers)
	request.Load.Mode = "append" // who says so knows
	b.run(request)
}

func TestReceiptsNameWhatWasLeftOut(t *testing.T) {
	t.Parallel()
	b := setup(t, `CREATE TABLE t (id int PRIMARY KEY, a text, b text, c text); ALTER TABLE t DROP COLUMN b; CREATE TABLE u (id int PRIMARY KEY)`)
	for _, c := range []struct {
		override Override
		want     []string
	}{
		{Override{}, nil},
		{Override{Columns: []string{"id"}}, []string{"a", "c"}},
		{Override{ExcludeColumns: []string{"c"}}, []string{"c"}},
	} {
		answer := b.run(Request{Tables: []string{"public.*"}, Overrides: map[string]Override{"public.t": c.override}})
		if diff := cmp.Diff(c.want, b.receipt(answer.outcome(b, "public.t").Receipt).Absent); diff != "" {
			t.Errorf("absent (-want +got):\n%s", diff)
		}
		if absent := b.receipt(answer.outcome(b, "public.u").Receipt).Absent; absent != nil {
			t.Errorf("u lacks %v", absent)
		}
	}
}

// Every option of a load comes through, and an override takes each back.
func TestLoadOptionsReachTheReceipt(t *testing.T) {
	t.Parallel()
	b := setup(t, `CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)`)
	request, err := DecodeRequest(json.RawMessage(`{"tables":["public.*"],"load":{"swap":true,"recreate":true,"schema_changes":"evolve","names":"upper",
		"add":["run","loaded_at"],"grants":["ROLE reporting","user \"Ann B\""],"sort_keys":["id"]},
		"overrides":{"public.u":{"load":{"mode":"merge","swap":false,"recreate":false,"schema_changes":"freeze","names":"as_is","add":[],"grants":[],"sort_keys":[]}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	kept, err := json.Marshal(request) // as a plan keeps it
	if err != nil {
		t.Fatal(err)
	}
	if request, err = DecodeRequest(kept); err != nil {
		t.Fatal(err)
	}
	answer := b.run(request)
	want := stage.Load{
		Mode: "replace", Swap: true, Recreate: true, SchemaChanges: "evolve", Names: "upper", Add: []string{"run", "loaded_at"},
		Grants: []string{"ROLE reporting", `user "Ann B"`}, SortKeys: []string{"id"},
	}
	if diff := cmp.Diff(want, b.receipt(answer.outcome(b, "public.t").Receipt).Load); diff != "" {
		t.Errorf("t (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(stage.Load{Mode: "merge", SchemaChanges: "freeze", Names: "as_is"}, b.receipt(answer.outcome(b, "public.u").Receipt).Load); diff != "" {
		t.Errorf("u (-want +got):\n%s", diff)
	}
}

func TestLoadOptionsThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	for load, want := range map[string]string{
		`"deletes":"all","mode":"merge"`:            `load.deletes is "all", want hard, soft or keep`,
		`"schema_changes":"no"`:                     `load.schema_changes is "no", want evolve, add or freeze`,
		`"names":"camel"`:                           `load.names is "camel", want as_is, upper or lower`,
		`"add":["when"]`:                            `load.add[0] is "when", want run or loaded_at`,
		`"add":["run","run"]`:                       `load.add[1] is "run", which is there before`,
		`"grants":["ROLE a","reporting"]`:           `load.grants[1] is "reporting", want ROLE, USER or GROUP and a name`,
		`"grants":["ROLE a; DROP TABLE t"]`:         `load.grants[0]`,
		`"mode":"merge","swap":true`:                `load.swap is for load.mode replace, and the mode is merge`,
		`"mode":"append","recreate":true`:           `load.recreate is for load.mode replace, and the mode is append`,
		`"mode":"append","deletes":"hard"`:          `load.deletes is for load.mode merge, and the mode is append; set "mode":"merge", or "deletes":"keep"`,
		`"mode":"replace","deletes":"soft"`:         `load.deletes is for load.mode merge, and the mode is replace`,
		`"mode":"append","deleted":"gone"`:          `load.deleted is for load.mode merge`,
		`"recreate":true,"schema_changes":"freeze"`: `load.recreate changes types, and load.schema_changes freeze forbids it`,
	} {
		request, err := DecodeRequest(json.RawMessage(`{"tables":["public.*"],"overrides":{"public.a":{"load":{` + load + `}}}}`))
		if err != nil {
			t.Fatal(load, err)
		}
		_, err = request.settings()
		wantError(t, err, "overrides of public.a: ", want)
	}
}

// A sweep of some rows would delete all others.
func TestSweepOfAConditionNeedsAWord(t *testing.T) {
	t.Parallel()
	request := Request{Tables: []string{"public.*"}, Load: LoadRequest{Mode: "merge", Deletes: "hard"}, Overrides: map[string]Override{"public.a": {Where: "id > 1"}}}
	_, err := request.settings()
	wantError(t, err, "overrides of public.a: load.deletes with where would delete", `set "deletes_beyond_where":true`, `"deletes":"keep"`)
	for _, load := range []LoadRequest{{DeletesBeyondWhere: new(true)}, {Deletes: "keep"}} {
		request.Overrides["public.a"] = Override{Where: "id > 1", Load: load}
		if _, err := request.settings(); err != nil {
			t.Error(err)
		}
	}
}

// What only the table tells is refused before anything is read.
func TestLoadOptionsThatDoNotFitTheTableAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, `CREATE TABLE a (id int PRIMARY KEY, _stagelift_run text, _deleted_at text); CREATE TABLE keyless (id int)`)
	for request, want := range map[string]string{
		`"load":{"add":["run"]}`: `load adds column "_stagelift_run"`,
		`"load":{"add":["run"]},"overrides":{"public.a":{"columns":["id"]}}`: `load adds column "_stagelift_run"`,
		`"load":{"mode":"merge","deletes":"soft"}`:                           `load adds column "_deleted_at"`,
		`"load":{"deletes":"hard"}`:                                          `load.deletes is for load.mode merge, and the mode is replace`,
		`"overrides":{"public.a":{"where":"id > 1","load":{"swap":true}}}`:   `load.swap is for load.mode replace, and the mode is merge`,
		`"exclude":["public.a"],"load":{"mode":"merge","deletes":"hard"}`:    "load.mode merge needs a key",
	} {
		q, err := DecodeRequest(json.RawMessage(`{"tables":["public.*"],` + request + `}`))
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.job.Run(t.Context(), q)
		wantError(t, err, want)
	}
}

package run

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/stage"
)

const notes = `CREATE TABLE notes (id int PRIMARY KEY, note text NOT NULL, doc jsonb);
INSERT INTO notes VALUES (1, 'short', '{}'), (2, repeat('x', 65534) || 'ß', NULL), (3, repeat('y', 70000), NULL), (4, repeat('z', 65535), NULL);
CREATE TABLE documents (id int PRIMARY KEY, doc jsonb); INSERT INTO documents SELECT 1, to_jsonb(repeat('d', 70000));
CREATE TABLE keys (key text PRIMARY KEY); ALTER TABLE keys ALTER key SET STORAGE EXTENDED; INSERT INTO keys VALUES (repeat('k', 70000));
CREATE TABLE prices (id int PRIMARY KEY, price numeric, at time); INSERT INTO prices VALUES (1, 1.5, '12:00')`

// What a warehouse would refuse is found where the rows are read, table by table,
// and becomes what the request says.
func TestLimitsOfTargetsAreMetWhereRowsAreRead(t *testing.T) {
	t.Parallel()
	b := setup(t, notes)
	all := []string{"public.*"}
	redshift := []string{"redshift"}

	answer, err := b.job.Run(t.Context(), Request{Tables: all, For: redshift, Format: "parquet"})
	wantError(t, err, `set "too_long" to "truncate" or "null"`)
	b.wantFailed(answer.outcome(b, "public.notes"), fault.Value, `column "note" holds a value of 65536 bytes; redshift takes at most 65535`, "ctid (0,2)")
	b.wantFailed(answer.outcome(b, "public.documents"), fault.Value, "redshift takes at most 65535")
	b.wantFailed(answer.outcome(b, "public.keys"), fault.Value, "redshift takes at most 65535")
	if o := answer.outcome(b, "public.prices"); !strings.Contains(o.Reason, "Redshift reads no time of day from Parquet") || o.Outcome == Published {
		t.Errorf("prices: %+v", o)
	}

	answer, err = b.job.Run(t.Context(), Request{Tables: all, For: redshift, TooLong: "truncate", Format: "jsonl", OutOfRange: "text"})
	wantError(t, err, "public.keys failed") // a key is not cut
	o := answer.outcome(b, "public.notes")
	if diff := cmp.Diff(map[string]stage.Altered{"note": {Truncated: 2}}, o.Altered); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	receipt := b.receipt(o.Receipt)
	if diff := cmp.Diff(o.Altered, receipt.Altered); diff != "" {
		t.Errorf("the receipt says otherwise (-want +got):\n%s", diff)
	}
	text := b.get(receipt.Parts[0].Key)
	for _, want := range []string{`"` + strings.Repeat("x", 65534) + `"`, `"` + strings.Repeat("y", 65535) + `"`, `"` + strings.Repeat("z", 65535) + `"`, `"short"`} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("%.10s… of %d bytes is not there", want, len(want)-2)
		}
	}
	if o := answer.outcome(b, "public.documents"); o.Outcome != Published || o.Altered != nil { // 4 MiB are taken in a line
		t.Errorf("documents: %+v", o)
	}
	prices := b.receipt(answer.outcome(b, "public.prices").Receipt)
	if text := string(b.get(prices.Parts[0].Key)); text != `{"id":1,"price":"1.5","at":"12:00:00"}`+"\n" || !prices.Columns[1].AsText {
		t.Errorf("prices: %s, %+v", text, prices.Columns)
	}

	answer, err = b.job.Run(t.Context(), Request{Tables: []string{"public.notes", "public.documents"}, For: redshift, TooLong: "null", Format: "parquet"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]stage.Altered{"note": {Nulled: 2}}, answer.outcome(b, "public.notes").Altered); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]stage.Altered{"doc": {Nulled: 1}}, answer.outcome(b, "public.documents").Altered); diff != "" {
		t.Errorf("documents (-want +got):\n%s", diff)
	}

	for _, none := range []Request{{Tables: all}, {Tables: all, For: []string{}}, {Tables: all, For: []string{"snowflake"}}} {
		b.run(none)
	}
	b.job.For = redshift // the stack's own
	if _, err := b.job.Run(t.Context(), Request{Tables: all}); err == nil {
		t.Error("a run that names no warehouse is not for the stack's own")
	}
	b.run(Request{Tables: all, For: []string{}})
	_, err = b.job.Run(t.Context(), Request{Tables: all, For: []string{"bigquery"}, TooLong: "cut"})
	wantError(t, err, `for names "bigquery", want redshift or snowflake`)
	wantError(t, err, `too_long is "cut", want refuse, truncate or null`)
}

// Columns without a precision or a length are given one: by column, by table or
// all, the nearer before the farther.
func TestColumnsAreGivenWidths(t *testing.T) {
	t.Parallel()
	b := setup(t, `CREATE TABLE a (id int PRIMARY KEY, price numeric, rate numeric, paid numeric(5,2), note text, word varchar); INSERT INTO a VALUES (1, 1.5, 0.25, 3, 'größer', 'word');
		CREATE TABLE b (price numeric, other numeric, note text); INSERT INTO b VALUES (1, 2, 'größer')`)
	request := func(raw string) Request {
		request, err := DecodeRequest([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		return request
	}
	types := func(receipt stage.Receipt) (list []string) {
		for _, c := range receipt.Columns {
			list = append(list, c.Name+" "+c.Type)
		}
		return list
	}
	answer := b.run(request(`{"tables":["public.*"],"numeric":[18,4],"text":4,"too_long":"truncate","overrides":{
		"public.a":{"numeric":{"rate":"6,3"},"text":{"word":10}},"public.b":{"numeric":"10,2","text":3}}}`))
	a, other := b.receipt(answer.outcome(b, "public.a").Receipt), b.receipt(answer.outcome(b, "public.b").Receipt)
	if diff := cmp.Diff([]string{"id integer", "price numeric(18,4)", "rate numeric(6,3)", "paid numeric(5,2)", "note character varying(4)", "word character varying(10)"}, types(a)); diff != "" {
		t.Errorf("a (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"price numeric(10,2)", "other numeric(10,2)", "note character varying(3)"}, types(other)); diff != "" {
		t.Errorf("b (-want +got):\n%s", diff)
	}
	if text := string(b.get(a.Parts[0].Key)); text != "1,1.5000,0.250,3.00,größ,word\n" {
		t.Errorf("a is %q", text)
	}
	if text := string(b.get(other.Parts[0].Key)); text != "1.00,2.00,grö\n" {
		t.Errorf("b is %q", text)
	}
	answer = b.run(request(`{"tables":["public.a"],"numeric":{"price":[9,1],"nowhere":[5,2]},"text":{"note":6}}`))
	if diff := cmp.Diff([]string{"id integer", "price numeric(9,1)", "rate numeric", "paid numeric(5,2)", "note character varying(6)", "word character varying"}, types(b.receipt(answer.outcome(b, "public.a").Receipt))); diff != "" {
		t.Errorf("a (-want +got):\n%s", diff)
	}
	for raw, want := range map[string]string{
		`{"tables":["public.a"],"text":3}`:                                   "its text takes at most 3 characters",
		`{"tables":["public.a"],"numeric":[1,0]}`:                            "does not fit numeric(1,0)",
		`{"tables":["public.a"],"numeric":[50]}`:                             "want precision and scale",
		`{"tables":["public.a"],"text":-1}`:                                  "want a number of characters",
		`{"tables":["public.a"],"overrides":{"public.a":{"text":{"id":5}}}}`: `text names column "id", which is of type integer`,
		`{"tables":["public.a"],"overrides":{"public.a":{"text":{"no":5}}}}`: `text names column "no", which is not read`,
	} {
		_, err := b.job.Run(t.Context(), request(raw))
		wantError(t, err, want)
	}
}

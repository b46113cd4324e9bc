package load

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// A load that was told failed, and had committed after all, is told loaded once
// it is found in the ledger: the last word is the right one.
func TestLastWordIsTheRightOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := b.stage("orders", "1\n2\n")
	b.warehouse.err = errors.New("the answer was not heard")
	_, err := b.job.Handle(t.Context(), b.notification(s.key))
	wantError(t, err, "the answer was not heard")
	b.warehouse.err, b.warehouse.done[b.id(s)] = nil, 2
	for range 2 {
		answer, err := b.job.Handle(t.Context(), b.notification(s.key))
		if err != nil || answer.Loads[0].State != warehouse.AlreadyLoaded {
			t.Fatalf("answer %+v, %v", answer, err)
		}
	}
	var states []warehouse.State
	for _, l := range b.notifier.loads {
		states = append(states, l.State)
	}
	if diff := cmp.Diff([]warehouse.State{Failed, warehouse.Loaded}, states); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	if got := b.kept(b.id(s)); got.State != warehouse.Loaded || got.Rows != 2 {
		t.Errorf("kept %+v", got)
	}
}

// Every error of a load has a code that stays, in what is kept and in the error.
func TestLoadErrorsHaveCodes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want fault.Code
	}{
		{warehouse.ErrRowCount, "row_count"},
		{warehouse.ErrColumn, "target_column"},
		{warehouse.ErrKeys, "keys"},
		{warehouse.ErrBusy, "busy"},
		{warehouse.ErrHeld, "held"},
		{warehouse.ErrDoubles, "doubles"},
		{warehouse.ErrLate, "late"},
		{warehouse.ErrOtherSource, "other_source"},
		{errors.New("else"), "rows_refused"}, // the fake names a row
	} {
		t.Run(string(c.want), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			s := b.stage("orders", "1\n")
			b.warehouse.err = c.err
			_, err := b.job.Handle(t.Context(), b.notification(s.key))
			if got := b.kept(b.id(s)); got.Code != c.want || fault.CodeOf(err, "") != c.want {
				t.Errorf("code %q is kept and the error has %q, want %q", got.Code, fault.CodeOf(err, ""), c.want)
			}
		})
	}
}

// Rows that COPY refused are listed where they can be read by a query, without
// their values.
func TestRefusedRowsAreListed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := b.stage("orders", "1\n")
	b.warehouse.err = errors.New("COPY refused a row")
	_, err := b.job.Handle(t.Context(), b.notification(s.key))
	wantError(t, err, "COPY refused a row")
	kept := b.kept(b.id(s))
	key := "stage/_rejected/" + b.id(s) + ".jsonl"
	if kept.Refused != 1 || kept.Rejected != b.at(key).String() {
		t.Errorf("kept %+v", kept)
	}
	if got, want := string(b.get(key)), `{"file":"s3://b/part","line":7,"message":"too long"}`+"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A difference of columns is an event of its own, before the load's.
func TestBusIsToldOfChanges(t *testing.T) {
	t.Parallel()
	var types []string
	var details []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Entries []struct{ DetailType, Detail string }
		}
		body, _ := io.ReadAll(r.Body)
		_ = json.Unmarshal(body, &in)
		for _, e := range in.Entries {
			types, details = append(types, e.DetailType), append(details, e.Detail)
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = io.WriteString(w, `{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}`)
	}))
	t.Cleanup(server.Close)
	bus := NewBus(aws.Config{
		Region: "eu-central-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", ""),
	}, "arn:aws:events:eu-central-1:123456789012:event-bus/loads")
	loaded := Loaded{LoadID: "1", Target: "public.t", State: warehouse.Loaded, Changes: []warehouse.Change{{Kind: "widened", Column: "n", Was: "integer", Is: "bigint"}}}
	if err := bus.Notify(t.Context(), loaded); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Schema Changed", "Table Loaded"}, types); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	want := `{"load_id":"1","source":"","target":"public.t","run":"","state":"loaded","changes":[{"kind":"widened","column":"n","was":"integer","is":"bigint"}]}`
	if len(details) == 0 || details[0] != want {
		t.Errorf("detail is\n%s\nwant\n%s", details, want)
	}
}

// Options and forgiveness of a route reach the warehouse, and Snowflake's own
// list decides.
func TestRouteForgivesRows(t *testing.T) {
	t.Parallel()
	l := land(t)
	l.into = l.into[1:] // of Snowflake
	l.put("config/routes.json", []byte(`{"version":1,"routes":[
		{"prefix":"stage/landing/some/","target":{"schema":"public","name":"some"},"format":{"name":"csv","header":true},
		 "columns":[{"name":"id","type":"integer"},{"name":"s","type":"character varying(3)"}],
		 "copy":{"TRUNCATECOLUMNS":"TRUE"},"bad_rows":{"most":1}},
		{"prefix":"stage/landing/other/","target":{"schema":"public","name":"other"},"format":{"name":"csv","header":true},"copy":{"PURGE":"TRUE"}}
	]}`))
	l.land("some/1.csv", []byte("id,s\n1,abcdef\nx,b\n3,c\n"))
	l.deliver(l.arrived("some/1.csv"), func(d *destination, answer Answer) {
		l.loads(warehouse.Loaded, 2)(d, answer)
		got := answer.Loads[0]
		if got.Refused != 1 || len(got.Errors) != 1 || got.Errors[0].Line != 3 {
			t.Errorf("%s: refused %d, %+v; want line 3", d.name, got.Refused, got.Errors)
		}
		if !strings.Contains(d.measured.String(), `"RowsRefused":1`) {
			t.Errorf("%s measured %s", d.name, d.measured.String())
		}
	})
	l.want("some", 1, "1=abc", "3=c")
	l.land("some/2.csv", []byte("id,s\nx,a\ny,b\n5,c\n"))
	l.deliver(l.arrived("some/2.csv"), func(d *destination, answer Answer) {
		if len(answer.Failures) != 1 {
			t.Errorf("%s answered %+v, want the message back", d.name, answer)
		}
	})
	l.want("some", 1, "1=abc", "3=c")
	l.land("other/1.csv", []byte("id\n1\n"))
	l.deliver(l.arrived("other/1.csv"), func(d *destination, answer Answer) {
		if len(answer.Loads) != 0 || len(answer.Failures) != 1 {
			t.Errorf("%s answered %+v, want it refused", d.name, answer)
		}
	})
}

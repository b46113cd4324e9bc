package redshift

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata/types"

	"github.com/stagelift/stagelift/shared/warehouse"
)

// held begins a load whose transaction holds the ledger's lock until open is
// called.
func (b *bundle) held(l warehouse.Load) (first warehouse.Outcome, open func()) {
	b.Helper()
	inside, open := b.gate("COPY ")
	b.Cleanup(open)
	first = b.reach(b.client, l, stepLoad)
	id, _, _ := strings.Cut(<-inside, ":")
	if !strings.Contains(first.Handle, "."+id) {
		b.Fatalf("the delivery is at %s, want statement %s", first.Handle, id)
	}
	return first, open
}

// batches is how many batches of a load were submitted.
func (b *bundle) batches(l warehouse.Load) int {
	b.Helper()
	page, err := b.client.api.ListStatements(b.Context(), &redshiftdata.ListStatementsInput{
		StatementName: aws.String(batchName(b.client.config, l)), Status: types.StatusStringAll, RoleLevel: aws.Bool(true),
	})
	if err != nil {
		b.Fatal(err)
	}
	return len(page.Statements)
}

// wantTakenUp begins a load that another delivery has under way.
func (b *bundle) wantTakenUp(l warehouse.Load, first warehouse.Outcome) warehouse.Outcome {
	b.Helper()
	second, err := b.connect().Begin(b.Context(), l)
	if err != nil {
		b.Fatal(err)
	}
	if want := (step{name: stepLoad, round: 1, id: first.Statements[0]}).String(); second.State != warehouse.Running || second.Handle != want {
		b.Errorf("the second delivery is %s at %q, want it running at %q", second.State, second.Handle, want)
	}
	return second
}

// Who stops waiting does not stop the transaction. Another delivery finds it
// under way, although its transaction has locked the ledger, and the handle
// leads to it from anywhere.
func TestLoadUnderWayIsTakenUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.stage(1, "1,a")
	first, open := b.held(l)
	second := b.wantTakenUp(l, first)
	open()
	for name, at := range map[string]warehouse.Outcome{"first": first, "second": second} {
		outcome, err := follow(t.Context(), b.connect(), l, at, nil)
		if err != nil || outcome.State != warehouse.Loaded || outcome.Rows != 1 {
			t.Errorf("%s delivery: %+v, %v; want it loaded", name, outcome, err)
		}
	}
	b.load(l, warehouse.AlreadyLoaded)
	b.want(rowsOfT, "1=a")
	if got := b.batches(l); got != 1 {
		t.Errorf("%d batches were submitted, want 1", got)
	}
}

// A batch that waits for its turn in the warehouse is under way too.
func TestSubmittedLoadIsTakenUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.stage(1, "1,a")
	first := b.reach(b.client, l, stepLedger)
	read, err := parseStep(first.Handle)
	if err != nil {
		t.Fatal(err)
	}
	for ended := (description{}); ended.status != types.StatusStringFinished; {
		if ended, err = b.client.describe(t.Context(), read.id); err != nil || ended.failed() {
			t.Fatal(ended, err)
		}
	}
	open := b.crowd()
	first, err = b.client.Poll(t.Context(), l, first.Handle)
	if err != nil || !strings.HasPrefix(first.Handle, stepLoad+".") {
		t.Fatalf("outcome %+v, %v", first, err)
	}
	second := b.wantTakenUp(l, first)
	open()
	outcome, err := follow(t.Context(), b.connect(), l, second, nil)
	if err != nil || outcome.State != warehouse.Loaded {
		t.Errorf("outcome %+v, %v", outcome, err)
	}
	b.want(rowsOfT, "1=a")
}

// crowd has so many statements run that the next one has to wait until open is
// called.
func (b *bundle) crowd() (open func()) {
	b.Helper()
	const more = 40 // than the stand-in runs at once
	opened := make(chan struct{})
	open = sync.OnceFunc(func() { close(opened) })
	b.Cleanup(open)
	b.hook(func(ctx context.Context, _, sql string) error {
		if sql == "SELECT 1" {
			select {
			case <-opened:
			case <-ctx.Done():
			}
		}
		return nil
	})
	var last string
	for range more {
		id, err := b.client.submit(b.Context(), "SELECT 1")
		if err != nil {
			b.Fatal(err)
		}
		last = id
	}
	if d, err := b.client.describe(b.Context(), last); err != nil || d.status != types.StatusStringSubmitted {
		b.Fatalf("the last of %d statements is %s, %v; want it SUBMITTED", more, d.status, err)
	}
	return open
}

// What the Data API lists as finished is no proof that the rows are there: the
// ledger is asked, and an operator may have taken the load out of it.
func TestFinishedBatchIsNoEvidence(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.stage(1, "1,a")
	b.load(l, warehouse.Loaded)
	b.look(`DELETE FROM stagelift."public.t"`)
	b.look(`DELETE FROM public.t`)
	b.load(l, warehouse.Loaded)
	b.want(rowsOfT, "1=a")
	if got := b.batches(l); got != 2 {
		t.Errorf("%d batches were submitted, want 2", got)
	}
}

// A load of the same receipt that runs in another database is not this one.
func TestLoadUnderWayElsewhereIsNotTakenUp(t *testing.T) {
	t.Parallel()
	l := load()
	names := map[string]string{}
	for what, change := range map[string]func(*Config){
		"this":              func(*Config) {},
		"another database":  func(c *Config) { c.Database = "prod" },
		"another workgroup": func(c *Config) { c.Workgroup = "adhoc" },
		"a cluster":         func(c *Config) { c.Workgroup, c.ClusterID = "", c.Workgroup },
		"another ledger":    func(c *Config) { c.LedgerSchema = "other" },
	} {
		c := config()
		change(&c)
		name := batchName(c, l)
		if other, taken := names[name]; taken {
			t.Errorf("%s and %s have the same name", what, other)
		}
		names[name] = what
	}
}

// unlisted answers ListStatements in the warehouse's place, as one that is late
// or one that may not be asked; all else is the warehouse's.
type unlisted struct {
	status int
	body   string
}

var (
	listsLate   = unlisted{http.StatusOK, `{"Statements":[]}`}
	listsMany   = unlisted{http.StatusBadRequest, `{"__type":"ThrottlingException","message":"Rate exceeded"}`}
	listsFail   = unlisted{http.StatusInternalServerError, `{"__type":"InternalServerException","message":"try again"}`}
	listsDenied = unlisted{http.StatusBadRequest, `{"__type":"AccessDeniedException","message":"not authorized to perform: redshift-data:ListStatements"}`}
)

func (u unlisted) Do(r *http.Request) (*http.Response, error) {
	if r.Header.Get("X-Amz-Target") != "RedshiftData.ListStatements" {
		return http.DefaultClient.Do(r)
	}
	return u.answerTo(r), nil
}

func (u unlisted) answerTo(r *http.Request) *http.Response {
	return &http.Response{
		StatusCode: u.status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}},
		Body: io.NopCloser(strings.NewReader(u.body)), Request: r,
	}
}

// connectUnlisted returns a client that cannot see what is under way, and what
// it logs.
func (b *bundle) connectUnlisted(u unlisted) (*Warehouse, *bytes.Buffer) {
	b.Helper()
	cfg, c, said := b.aws.Copy(), config(), &bytes.Buffer{}
	cfg.HTTPClient, c.Log = u, slog.New(slog.NewTextHandler(said, nil))
	client, err := New(cfg, c)
	if err != nil {
		b.Fatal(err)
	}
	return client, said
}

// Where the list is late, denied, throttled or fails, the second delivery waits for the first
// one's lock and finds the load done, in the ledger or, if its reading began
// before the commit, by the token or the check of its own batch.
func TestLoadUnderWayThatIsNotListedIsWaitedFor(t *testing.T) {
	t.Parallel()
	for name, u := range map[string]unlisted{"late": listsLate, "denied": listsDenied, "throttled": listsMany, "failing": listsFail} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			l := b.stage(1, "1,a")
			_, open := b.held(l)
			client, _ := b.connectUnlisted(u)
			second := b.reach(client, l, stepLook)
			open()
			outcome, err := follow(t.Context(), client, l, second, nil)
			if err != nil || outcome.State != warehouse.AlreadyLoaded && outcome.State != warehouse.Loaded || outcome.Rows != 1 {
				t.Errorf("outcome %+v, %v; want it loaded", outcome, err)
			}
			b.load(l, warehouse.AlreadyLoaded)
			b.want(rowsOfT, "1=a")
			b.want(ledgerT, l.ID+" public.t 20261121T003000Z-7f3a91c2 1")
		})
	}
}

// Nothing but the ledger keeps deliveries apart that see nothing of each other.
func TestDeliveriesThatSeeNoListLoadOnce(t *testing.T) {
	t.Parallel()
	for name, u := range map[string]unlisted{"late": listsLate, "denied": listsDenied, "throttled": listsMany, "failing": listsFail} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			l := b.stage(1, "1,a", "2,b")
			b.together(func(int, *Warehouse) error {
				client, _ := b.connectUnlisted(u)
				outcome, err := carryOut(t.Context(), client, l)
				if err == nil && outcome.Rows != 2 {
					err = errors.New("it brought other rows")
				}
				return err
			})
			b.want(rowsOfT, "1=a", "2=b")
			b.want(ledgerT, l.ID+" public.t 20261121T003000Z-7f3a91c2 2")
		})
	}
}

// What is missing is said once, and a load that failed is attempted anew, not
// taken for the one that comes after it.
func TestMissingRightToListIsSaidOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	client, said := b.connectUnlisted(listsDenied)
	l := b.stage(1, "1,a")
	b.hook(func(_ context.Context, _, sql string) error {
		if strings.HasPrefix(sql, "COPY ") {
			return errors.New("the leader node restarts")
		}
		return nil
	})
	_, err := carryOut(t.Context(), client, l)
	wantError(t, err, "the leader node restarts", "nothing was changed")
	b.hook(nil)
	outcome, err := carryOut(t.Context(), client, l)
	if err != nil || outcome.State != warehouse.Loaded {
		t.Errorf("outcome %+v, %v", outcome, err)
	}
	if got := strings.Count(said.String(), "redshift-data:ListStatements"); got == 0 || strings.Count(said.String(), "\n") != 1 {
		t.Errorf("it logged:\n%s\nwant the missing right, once", said)
	}
}

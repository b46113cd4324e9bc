package load

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/stagelift/stagelift/local/s3/s3test"
	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// onEach runs a test on each warehouse.
func onEach(t *testing.T, do func(c *cell)) {
	t.Helper()
	for _, to := range targets {
		t.Run(to.name, func(t *testing.T) {
			t.Parallel()
			bucket := s3test.Shared(t)
			do(&cell{
				opened: to.open(t, bucket), T: t, mode: warehouse.Merge, format: "csv", bucket: bucket,
				store: object.New(bucket.Config), log: &safeBuffer{},
			})
		})
	}
}

// ended is what becomes of a receipt.
type ended struct {
	Receipt string
	State   warehouse.State
}

// handle is one invocation with a receipt's event, or with a request for it.
func (c *cell) handle(payload, receipt string) ([]ended, error) {
	c.Helper()
	job := &Job{
		Store: c.store, Bucket: c.bucket.Name, Layout: stage.Layout{Prefix: "stage/"}, Warehouse: c.connect(http.DefaultTransport),
		PollEvery: 5 * time.Millisecond, Log: slog.New(slog.NewJSONHandler(c.log, nil)),
	}
	answer, err := job.Handle(c.Context(), json.RawMessage(fmt.Sprintf(payload, c.bucket.Name, receipt)))
	var list []ended
	for _, l := range answer.Loads {
		list = append(list, ended{l.Receipt, l.State})
	}
	return list, err
}

const (
	anEvent = `{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"ObjectCreated:Put",` +
		`"s3":{"bucket":{"name":%q},"object":{"key":%q}}}]}`
	aRequest = `{"bucket":%q,"key":%q}`
)

// wantEnded delivers a receipt and compares what became of it, and of others.
func (c *cell) wantEnded(payload, receipt string, want ...ended) {
	c.Helper()
	got, err := c.handle(payload, receipt)
	if err != nil {
		c.Error(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		c.Errorf("%s (-want +got):\n%s", receipt, diff)
	}
}

// wantHeld delivers a receipt that has come too early.
func (c *cell) wantHeld(receipts ...string) {
	c.Helper()
	for _, receipt := range receipts {
		if got, err := c.handle(anEvent, receipt); !errors.Is(err, warehouse.ErrHeld) {
			c.Errorf("%s: %v, error is %v, want ErrHeld", receipt, got, err)
		}
	}
}

// three stages three windows. Each but the first has a row of the one before in
// another version.
func (c *cell) three(name string) (first, second, third string) {
	c.Helper()
	return c.stage(name, 1, between("", "5"), []string{"1=a", "2=b"}),
		c.stage(name, 2, between("5", "6"), []string{"2=c", "3=d"}),
		c.stage(name, 3, between("6", "7"), []string{"3=e", "4=f"})
}

func (c *cell) wantThree(name string) {
	c.Helper()
	c.wantLoads(name, []string{"1=a", "2=c", "3=e", "4=f"}, 3)
}

// Whoever loads the window in front loads those that waited for it, once each,
// in their order. Nobody has to deliver them again.
func TestHeldWindowsAreLoadedAfterTheOneInFront(t *testing.T) {
	t.Parallel()
	onEach(t, func(c *cell) {
		first, second, third := c.three("t")
		c.wantHeld(third, second)
		c.wantEnded(anEvent, first, ended{first, warehouse.Loaded}, ended{second, warehouse.Loaded}, ended{third, warehouse.Loaded})
		c.wantThree("t")
		c.wantEnded(anEvent, third, ended{third, warehouse.AlreadyLoaded})
		c.wantEnded(anEvent, second, ended{second, warehouse.AlreadyLoaded})
		c.wantEnded(aRequest, first, ended{first, warehouse.AlreadyLoaded})
		c.wantThree("t")
	})
}

// However their deliveries meet, no window is forgotten: one that is held for the
// last time was held before, and whoever loads the one in front sees that. Two
// deliveries of each are enough, and Lambda makes three.
func TestWindowsThatMeetAreLoadedOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(c *cell) {
		for n := range 5 {
			name := fmt.Sprintf("t%d", n)
			first, second, third := c.three(name)
			var group errgroup.Group
			for _, receipt := range []string{third, second, first} {
				group.Go(func() error {
					_, err := c.handle(anEvent, receipt)
					if errors.Is(err, warehouse.ErrHeld) {
						_, err = c.handle(anEvent, receipt)
					}
					if errors.Is(err, warehouse.ErrHeld) { // given up
						err = nil
					}
					return err
				})
			}
			if err := group.Wait(); err != nil {
				c.Error(err)
			}
			c.wantThree(name)
		}
	})
}

// What is no window of this chain neither breaks it nor comes into it.
func TestRunsBetweenWindowsArePassedOver(t *testing.T) {
	t.Parallel()
	onEach(t, func(c *cell) {
		first := c.stage("t", 10, between("", "5"), []string{"1=a"})
		// A run that died, one of the whole table, one that began anew, and what
		// somebody has put there.
		c.putDocument("stage/shop/public.t/20261121T000011Z-7f3a91c2/part-00000.csv", []byte("9,z\n"), nil)
		whole := c.stage("t", 12, func(r *stage.Receipt) { r.Load.Mode = string(warehouse.Append) }, []string{"8=w"})
		anew := c.stage("t", 13, between("", "4"), []string{"1=old"})
		c.putDocument("stage/shop/public.t/20261121T000010Z-7f3a91c2/zzz", []byte("notes"), nil)
		c.putDocument("stage/shop/public.t/notes.txt", []byte("notes"), nil)
		c.putDocument("stage/shop/public.tt/20261121T000011Z-7f3a91c2/receipt.json", []byte("another table's"), nil)
		second := c.stage("t", 14, between("5", "6"), []string{"2=b"})
		c.wantHeld(second)
		c.wantEnded(anEvent, first, ended{first, warehouse.Loaded}, ended{second, warehouse.Loaded})
		c.want("t", []string{"1=a", "2=b"})
		c.wantEnded(anEvent, anew, ended{anew, warehouse.Skipped})
		if _, err := c.handle(anEvent, whole); !errors.Is(err, warehouse.ErrDoubles) {
			c.Errorf("the whole table beside its windows: error is %v, want ErrDoubles", err)
		}
	})
}

// A window that is skipped, because a newer run has brought the whole table, lets
// the next one go on too.
func TestHeldWindowFollowsOneThatIsSkipped(t *testing.T) {
	t.Parallel()
	onEach(t, func(c *cell) {
		first := c.stage("t", 1, between("", "5"), []string{"1=old"})
		whole := c.stage("t", 2, func(r *stage.Receipt) { r.Load.Mode = string(warehouse.Replace) }, []string{"1=a", "2=b"})
		second := c.stage("t", 3, between("5", "6"), []string{"2=c"})
		c.wantEnded(anEvent, whole, ended{whole, warehouse.Loaded})
		c.wantHeld(second)
		c.wantEnded(anEvent, first, ended{first, warehouse.Skipped}, ended{second, warehouse.Loaded})
		c.want("t", []string{"1=a", "2=c"})
	})
}

// One that fails ends the delivery of the one in front, so that it is made
// again, and comes to it again past those that are done.
func TestHeldWindowThatFailsIsComeToAgain(t *testing.T) {
	t.Parallel()
	onEach(t, func(c *cell) {
		first, second, third := c.three("t")
		part := strings.Replace(third, "receipt.json", "part-00000.csv", 1)
		content, _, err := c.store.Get(c.Context(), c.at(part), 1<<20)
		c.wantHeld(third, second)
		c.putDocument(part, content[:len(content)-1], err)
		got, err := c.handle(anEvent, first)
		want := []ended{{first, warehouse.Loaded}, {second, warehouse.Loaded}, {third, Failed}}
		if diff := cmp.Diff(want, got); diff != "" || !errors.Is(err, ErrTampered) {
			c.Errorf("error is %v, want ErrTampered; ended (-want +got):\n%s", err, diff)
		}
		wantError(c.T, err, "after run 20261121T000002Z-7f3a91c2, which is loaded", "part-00000.csv")
		// A request is answered for what it asked for, whatever comes after it.
		c.wantEnded(aRequest, first, ended{first, warehouse.AlreadyLoaded}, ended{third, Failed})
		c.want("t", []string{"1=a", "2=c", "3=d"})
		c.putDocument(part, content, nil)
		c.wantEnded(anEvent, first, ended{first, warehouse.AlreadyLoaded}, ended{third, warehouse.Loaded})
		c.wantThree("t")
	})
}

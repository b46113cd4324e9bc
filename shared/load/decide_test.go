package load

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stagelift/stagelift/shared/warehouse"
)

// poison makes a receipt one that can never be loaded: a part of it is not CSV of
// its columns.
func (c *cell) poison(receipt string) {
	c.Helper()
	part := strings.Replace(receipt, "receipt.json", "part-00000.csv", 1)
	content, _, err := c.store.Get(c.Context(), c.at(part), 1<<20)
	c.putDocument(part, append([]byte("x"), content...), err)
}

// A window that can never be loaded is named by the one that waits for it, with both
// requests that get past it. Given up, it lets the others go on, once and for all.
func TestWindowThatIsInTheWayIsGivenUp(t *testing.T) {
	t.Parallel()
	onEach(t, func(c *cell) {
		first, second, third := c.three("t")
		c.poison(second)
		c.wantEnded(anEvent, first, ended{first, warehouse.Loaded})
		if _, err := c.handle(anEvent, second); err == nil {
			c.Error("what is poisoned was loaded")
		}
		_, err := c.handle(anEvent, third)
		wantError(c.T, err, "run 20261121T000002Z-7f3a91c2 is in the way (failed)", `{"repair":"20261121T000002Z-7f3a91c2","tables":["public.t"]}`,
			`{"abandon":{"run":"20261121T000002Z-7f3a91c2","reason":"…"},"bucket":`, second)
		anAbandon := `{"bucket":%q,"key":%q,"abandon":{"run":"20261121T000002Z-7f3a91c2","reason":"the part is broken"}}`
		c.wantEnded(anAbandon, second, ended{second, warehouse.Abandoned}, ended{third, warehouse.Loaded})
		c.want("t", []string{"1=a", "2=b", "3=e", "4=f"})
		c.wantEnded(anEvent, second, ended{second, warehouse.Skipped})
		c.wantHistory("t", map[warehouse.State]int{warehouse.Loaded: 2, warehouse.Abandoned: 1, Failed: 1, Held: 1, warehouse.Skipped: 1})
	})
}

// A decision names what it is about.
func TestDecisionThatIsOfAnotherRunIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := b.stage("orders", "1\n")
	for name, abandon := range map[string]Abandon{
		"another run": {Run: "20261121T003000Z-ffffffff", Reason: "no use"},
		"no reason":   {Run: s.Run},
	} {
		request, err := json.Marshal(Request{Bucket: b.job.Bucket, Key: s.key, Abandon: &abandon})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.job.Handle(t.Context(), request); err == nil || !strings.Contains(err.Error(), "abandoning") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(b.warehouse.asked) > 0 {
		t.Error("it was loaded")
	}
}

// A watermark that was lost under append doubles nothing: the load is held, and says
// how to begin anew.
func TestLostWatermarkIsHeld(t *testing.T) {
	t.Parallel()
	onEach(t, func(c *cell) {
		first := c.stage("t", 1, window(warehouse.Append, "", "5"), []string{"1=a"})
		anew := c.stage("t", 2, window(warehouse.Append, "", "7"), []string{"1=a", "6=b"})
		c.wantEnded(anEvent, first, ended{first, warehouse.Loaded})
		_, err := c.handle(anEvent, anew)
		wantError(c.T, err, `"restart":["public.t"]`, `"abandon":{"run":"20261121T000002Z-7f3a91c2"`)
		if !errors.Is(err, warehouse.ErrDoubles) {
			c.Errorf("error is %v, want ErrDoubles", err)
		}
		c.want("t", []string{"1=a"})
	})
}

// wantHistory counts how loads of a table ended, in the lines of S3.
func (c *cell) wantHistory(name string, want map[warehouse.State]int) {
	c.Helper()
	got := map[warehouse.State]int{}
	day := time.Now().UTC().Format(time.DateOnly)
	for listed, err := range c.store.List(c.Context(), c.bucket.Name, "stage/shop/_history/loads/dt="+day+"/", "") {
		if err != nil {
			c.Fatal(err)
		}
		content, _, err := c.store.Get(c.Context(), c.at(listed.Key), 1<<20)
		var l Line
		if err == nil {
			err = json.Unmarshal(content, &l)
		}
		if err != nil || strings.Count(string(content), "\n") != 1 {
			c.Errorf("%s: %v, want one line", listed.Key, err)
		}
		if l.Target == "public."+name {
			got[l.State]++
		}
		if (l.Code != "") != (l.State == Failed || l.State == Held) {
			c.Errorf("%s: error_code is %q", listed.Key, l.Code)
		}
	}
	for state, n := range want {
		if got[state] != n {
			c.Errorf("%d lines say %s, want %d", got[state], state, n)
		}
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		rows := c.query(c.loads + `'public.` + name + `'`)
		if len(rows) >= len(want) {
			return
		}
		if time.Now().After(deadline) {
			c.Errorf("the warehouse's history has %v, want %v", rows, want)
			return
		}
	}
}

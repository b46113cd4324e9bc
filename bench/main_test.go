package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestOnlyNamesWhatIsMeasured(t *testing.T) {
	t.Parallel()
	for only, want := range map[string][2]int{
		"":              {6, 1}, // the tables are filled first
		"load":          {0, 1},
		"start, size":   {2, 0},
		"memory,load":   {2, 1},
		"speed,memory,": {3, 0},
		"pairs":         {2, 0}, // which compares with what it is given alone
	} {
		shared, own, err := new(bench).chosen(only)
		if err != nil || len(shared) != want[0] || len(own) != want[1] {
			t.Errorf("-only %q: %d on one stack, %d with their own, %v; want %v", only, len(shared), len(own), err, want)
		}
	}
	if _, _, err := new(bench).chosen("load,laod"); err == nil || !strings.Contains(err.Error(), `names "laod"`) {
		t.Errorf("error is %v, want it to name laod", err)
	}
}

func TestDurationsAreAList(t *testing.T) {
	t.Parallel()
	var d durations
	if err := d.Set("10s, 1m30s"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(durations{10 * time.Second, 90 * time.Second}, d); diff != "" {
		t.Errorf("durations (-want +got):\n%s", diff)
	}
	if got := d.String(); got != "10s,1m30s" {
		t.Errorf("written %q", got)
	}
	for _, bad := range []string{"", "10", "10s,,1m", "0s", "-1s"} {
		if err := d.Set(bad); err == nil {
			t.Errorf("%q was taken as %v", bad, d)
		}
	}
}

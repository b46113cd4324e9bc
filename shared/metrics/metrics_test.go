package metrics_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/metrics"
)

func TestLineIsInTheEmbeddedMetricFormat(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w := &metrics.Writer{Out: &out, Namespace: "Stagelift", Now: func() time.Time { return time.UnixMilli(1_795_000_000_123) }}
	err := w.Write([]metrics.Dimension{{Name: "Database", Value: "shop"}, {Name: "Table", Value: `public."Order"`}},
		metrics.Metric{Name: "Rows", Unit: metrics.Count, Value: 5}, metrics.Metric{Name: "Duration", Unit: metrics.Seconds, Value: 1.5})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"Database":"shop","Duration":1.5,"Rows":5,"Table":"public.\"Order\"","_aws":{"CloudWatchMetrics":[` +
		`{"Namespace":"Stagelift","Dimensions":[["Database","Table"]],` +
		`"Metrics":[{"Name":"Rows","Unit":"Count"},{"Name":"Duration","Unit":"Seconds"}]}],"Timestamp":1795000000123}}` + "\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("line (-want +got):\n%s", diff)
	}
}

func TestNobodyNeedsToListen(t *testing.T) {
	t.Parallel()
	var w *metrics.Writer
	if err := w.Write(nil, metrics.Metric{Name: "Rows"}); err != nil {
		t.Error(err)
	}
}

func TestWhatCannotBeWrittenIsAnError(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	w := &metrics.Writer{Out: failing{broken}}
	if err := w.Write(nil, metrics.Metric{Name: "Rows"}); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
	if err := w.Write([]metrics.Dimension{{Name: "Rows"}}, metrics.Metric{Name: "Rows"}); err == nil {
		t.Error("a name that is used twice is no error")
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

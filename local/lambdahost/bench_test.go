package lambdahost

import (
	"testing"
	"time"
)

// BenchmarkWarm is one invocation of a warm environment after the other.
func BenchmarkWarm(b *testing.B) {
	host := setup(b)
	host.invoke(b, event{Do: "echo"})
	payload := mustMarshal(event{Do: "echo", Text: "hello"})
	for b.Loop() {
		if _, err := host.Invoke(b.Context(), "f", payload); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCold starts a process for every invocation, and reports the time
// from its start to its first poll.
func BenchmarkCold(b *testing.B) {
	host := setup(b)
	payload := mustMarshal(event{Do: "echo", Text: "hello"})
	var init time.Duration
	for b.Loop() {
		r, err := host.Invoke(b.Context(), "f", payload)
		if err != nil {
			b.Fatal(err)
		}
		init += r.Init
		b.StopTimer()
		host.Kill("f")
		b.StartTimer()
	}
	b.ReportMetric(milliseconds(init)/float64(b.N), "init-ms/op")
}

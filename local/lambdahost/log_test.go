package lambdahost

import (
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLog(t *testing.T) {
	t.Parallel()
	b := setup(t, with(func(f *Function) { f.MemoryMB, f.Timeout = 512, 2*time.Second }))
	ids := []string{
		b.invoke(t, event{Do: "describe"}).RequestID,
		b.invoke(t, event{Do: "hang"}).RequestID,
		b.invoke(t, event{Do: "quit"}).RequestID,
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	got := b.log.String()
	for i, id := range ids {
		got = strings.ReplaceAll(got, id, []string{"A", "B", "C"}[i])
	}
	got = regexp.MustCompile(`\d+\.\d\d ms|Duration: \d+ ms|Used: \d+ MB`).ReplaceAllStringFunc(got, func(s string) string {
		return regexp.MustCompile(`[\d.]+`).ReplaceAllString(s, "N")
	})
	want := strings.ReplaceAll(`START RequestId: A Version: $LATEST
END RequestId: A
REPORT RequestId: A|Duration: N ms|Billed Duration: N ms|Memory Size: 512 MB|Max Memory Used: N MB|Init Duration: N ms
START RequestId: B Version: $LATEST
RequestId: B Error: Task timed out after 2.00 seconds
END RequestId: B
REPORT RequestId: B|Duration: N ms|Billed Duration: N ms|Memory Size: 512 MB|Max Memory Used: N MB|Status: timeout
START RequestId: C Version: $LATEST
RequestId: C Error: Runtime exited without providing a reason
END RequestId: C
REPORT RequestId: C|Duration: N ms|Billed Duration: N ms|Memory Size: 512 MB|Init Duration: N ms|Status: error|Error Type: Runtime.ExitError
`, "|", "\t")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want +got)\n" + diff)
	}
}

// TestLogKeepsLinesWhole: environments write at the same time.
func TestLogKeepsLinesWhole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	texts := map[string]int{"aaaaaaaaaaaaaaaaaaaa": 0, "bbbbbbbbbbbbbbbbbbbb": 0, "cccccccccccccccccccc": 0}
	var results []<-chan Result
	for text := range texts {
		results = append(results, b.background(event{Do: "print", Text: text}))
	}
	for _, r := range results {
		if err := (<-r).Error; err != nil {
			t.Error(err)
		}
	}
	if err := b.Close(); err != nil { // the output is complete after the end
		t.Fatal(err)
	}
	for line := range strings.Lines(b.log.String()) {
		line = strings.TrimSuffix(line, "\n")
		if _, ours := texts[line]; ours {
			texts[line]++
		} else if !regexp.MustCompile(`^(START|END|REPORT) `).MatchString(line) {
			t.Errorf("a line of the log is %q", line)
		}
	}
	for text, n := range texts {
		if n != 100 {
			t.Errorf("%d lines %s, want 100", n, text)
		}
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxLine)
	for _, test := range []struct {
		name string
		// pieces come as they are read from the pipe.
		pieces []string
		want   []string
	}{
		{"whole line", []string{"a\n"}, []string{"a\n"}},
		{"line in pieces", []string{"a", "b", "\n"}, []string{"ab\n"}},
		{"lines at once", []string{"a\nb\nc", "d\n"}, []string{"a\nb\n", "cd\n"}},
		{"no end", []string{"a\nb"}, []string{"a\n", "b\n"}},
		{"endless", []string{long, "y", "z\n"}, []string{long + "y\n", "z\n"}},
		{"nothing", nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var got writes
			l := lines{to: newSink("f", func(string) io.Writer { return &got })}
			for _, piece := range test.pieces {
				if n, err := l.Write([]byte(piece)); n != len(piece) || err != nil {
					t.Errorf("wrote %d bytes, error %v", n, err)
				}
			}
			l.flush()
			if diff := cmp.Diff(test.want, []string(got)); diff != "" {
				t.Error("(-want +got)\n" + diff)
			}
		})
	}
}

// writes keeps what it gets apart.
type writes []string

func (w *writes) Write(p []byte) (int, error) {
	*w = append(*w, string(p))
	return len(p), nil
}

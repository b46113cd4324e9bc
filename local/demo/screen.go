package demo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/stagelift/stagelift/local/stack"
)

// screen shows what happens: bars on a terminal, lines in a log.
type screen struct {
	out      *os.File
	terminal bool
	start    time.Time

	mu     sync.Mutex
	bars   *mpb.Progress
	tables map[string]*tableBar
	said   map[string]time.Time
}

// tableBar is a bar and the rows that it shows: a table without rows has a full
// bar all the same.
type tableBar struct {
	*mpb.Bar
	rows atomic.Int64
}

func newScreen(out *os.File) *screen {
	info, err := out.Stat()
	return &screen{
		out: out, terminal: err == nil && info.Mode()&os.ModeCharDevice != 0, start: time.Now(),
		tables: map[string]*tableBar{}, said: map[string]time.Time{},
	}
}

// printf writes a line. A screen that cannot be written to shows itself.
func (s *screen) printf(format string, args ...any) { _, _ = fmt.Fprintf(s.out, format, args...) }

// step says what is done next.
func (s *screen) step(what string) {
	s.printf("%5.1f s  %s\n", time.Since(s.start).Seconds(), what)
}

// follow returns a writer that takes a function's log and shows its progress.
func (s *screen) follow(function string) io.Writer {
	into := "Redshift"
	if function == stack.LoadSnowflake {
		into = "Snowflake"
	}
	return &follower{screen: s, into: into}
}

// entry is a line of a function's log.
type entry struct {
	Message string `json:"message"`
	Msg     string `json:"msg"`
	Table   string `json:"table"`
	Source  string `json:"source"`
	Rows    int64  `json:"rows"`
	Bytes   int64  `json:"bytes"`
	Parts   int    `json:"parts"`
	RowsEst int64  `json:"rows_estimate"`

	into string
}

// follower cuts a log into lines.
type follower struct {
	screen *screen
	into   string // the warehouse, of a function that loads
	rest   []byte
}

func (f *follower) Write(p []byte) (int, error) {
	f.rest = append(f.rest, p...)
	for {
		end := bytes.IndexByte(f.rest, '\n')
		if end < 0 {
			return len(p), nil
		}
		var e entry
		if json.Unmarshal(f.rest[:end], &e) == nil {
			if e.Message == "" {
				e.Message = e.Msg
			}
			e.into = f.into
			f.screen.show(e)
		}
		f.rest = f.rest[end+1:]
	}
}

// show turns an entry into what people see.
func (s *screen) show(e entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e.Message {
	case "table selected":
		s.begin(e)
	case "table progress":
		s.progress(e)
	case "table published":
		s.finish(e)
	case "table loaded":
		if !s.terminal {
			s.printf("         loaded    %-24s %9d rows into %s\n", e.Source, e.Rows, e.into)
		}
	}
}

func (s *screen) begin(e entry) {
	if !s.terminal {
		return
	}
	if s.bars == nil {
		s.bars = mpb.New(mpb.WithOutput(s.out), mpb.WithWidth(48))
	}
	t := &tableBar{}
	t.Bar = s.bars.AddBar(max(e.RowsEst, 1),
		mpb.PrependDecorators(decor.Name("  "+e.Table, decor.WC{W: 28, C: decor.DindentRight})),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return fmt.Sprintf("%9d rows", t.rows.Load()) })))
	s.tables[e.Table] = t
}

func (s *screen) progress(e entry) {
	if bar := s.tables[e.Table]; bar != nil {
		bar.rows.Store(e.Rows)
		bar.SetCurrent(e.Rows)
		return
	}
	if time.Since(s.said[e.Table]) > 2*time.Second && !s.terminal {
		s.said[e.Table] = time.Now()
		s.printf("         reading   %-24s %9d rows\n", e.Table, e.Rows)
	}
}

func (s *screen) finish(e entry) {
	if bar := s.tables[e.Table]; bar != nil {
		bar.rows.Store(e.Rows)
		bar.SetTotal(max(e.Rows, 1), false)
		bar.SetCurrent(max(e.Rows, 1))
		return
	}
	if !s.terminal {
		s.printf("         published %-24s %9d rows in %d parts\n", e.Table, e.Rows, e.Parts)
	}
}

// stop ends the bars, so that other lines can follow.
func (s *screen) stop() {
	s.mu.Lock()
	bars := s.bars
	for _, bar := range s.tables {
		bar.EnableTriggerComplete()
		if !bar.Completed() {
			bar.Abort(false)
		}
	}
	s.bars, s.tables = nil, map[string]*tableBar{}
	s.mu.Unlock()
	if bars != nil {
		bars.Wait()
	}
}

// table prints the closing table.
func (s *screen) table(rows []row) {
	s.printf("\n")
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(w, "source rows\tparts\tbytes\tin Redshift\tin Snowflake\theaded copy\tverified\t  table\t")
	const line = "%d\t%d\t%d\t%d\t%d\t%s\t%s\t  %s\t\n"
	var sum row
	for _, r := range rows {
		_, _ = fmt.Fprintf(w, line, r.source, r.table.Parts, r.table.Bytes, r.redshift, r.snowflake, r.headed, r.verified, r.table.Table)
		sum.source, sum.redshift, sum.snowflake = sum.source+r.source, sum.redshift+r.redshift, sum.snowflake+r.snowflake
		sum.table.Parts, sum.table.Bytes = sum.table.Parts+r.table.Parts, sum.table.Bytes+r.table.Bytes
	}
	_, _ = fmt.Fprintf(w, line, sum.source, sum.table.Parts, sum.table.Bytes, sum.redshift, sum.snowflake, "", "", "in all")
	_ = w.Flush() // as printf
}

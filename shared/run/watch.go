package run

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/metrics"
	"github.com/stagelift/stagelift/shared/postgres"
)

// watch keeps an eye on a run until ctx ends: on who waits for its tables, and on
// how far these are. The caller waits for what is returned.
func (r *run) watch(ctx context.Context) *sync.WaitGroup {
	var watching sync.WaitGroup
	watching.Go(func() { r.keep(ctx) })
	watching.Go(func() { r.report(ctx) })
	return &watching
}

const (
	// letEvery is how often locks are let go that are not needed any more, and
	// lookEvery how often it is asked who waits for those that are.
	letEvery  = 100 * time.Millisecond
	lookEvery = 500 * time.Millisecond
)

// keep lets locks go, and gives way to those who wait too long for a table that is
// not read yet.
func (r *run) keep(ctx context.Context) {
	since := map[int32]time.Time{}
	var looked time.Time
	for alive := true; ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(letEvery):
		}
		let, unread := r.queue.holdings()
		r.letGo(ctx, let)
		if time.Since(looked) < lookEvery || !alive {
			continue
		}
		looked = time.Now()
		if err := r.snapshot.Alive(ctx); err != nil && ctx.Err() == nil {
			alive = false
			r.Log.WarnContext(ctx, "the session that holds the snapshot and the locks was ended; what is being read goes on, and every table is looked at when it is read", "run", r.id, "error", err)
			continue
		}
		waiters, err := r.snapshot.Waiting(ctx)
		if err != nil {
			continue // the next look is soon
		}
		since = r.attend(ctx, waiters, since, unread)
	}
}

// letGo lets the locks of tables go; at once those that somebody waits for.
func (r *run) letGo(ctx context.Context, let []*progress) {
	for _, now := range []bool{false, true} {
		var some []*progress
		var tables []*postgres.Table
		for _, p := range let {
			if p.promoted == now {
				some, tables = append(some, p), append(tables, p.Table)
			}
		}
		if len(some) == 0 {
			continue
		}
		if done, err := r.snapshot.LetGo(ctx, now, tables...); done && err == nil {
			for _, p := range some {
				p.let = true
			}
		}
	}
}

// attend sees to those who wait: tables that somebody waits for are read next, and
// those that somebody has waited for too long are given up.
func (r *run) attend(ctx context.Context, waiters []postgres.Waiter, since map[int32]time.Time, unread map[*postgres.Table]*progress) map[int32]time.Time {
	still := map[int32]time.Time{}
	for _, w := range waiters {
		begun, known := since[w.PID]
		if !known {
			begun = time.Now()
		}
		still[w.PID] = begun
		p := r.queue.promote(w.Table)
		if unread[w.Table] == nil || time.Since(begun) < r.settings.ddlWait || !r.queue.giveUp(p) {
			continue
		}
		p.stopAll()
		r.fail(ctx, p.Name.String(), fault.New(fault.GaveWay, "run again", "%s (pid %d) waited for table %s for longer than %v, and nothing of it was read yet",
			w.Kind, w.PID, p.Name, r.settings.ddlWait))
		r.letGo(ctx, []*progress{p})
	}
	return still
}

// report logs how far the tables are.
func (r *run) report(ctx context.Context) {
	if r.ProgressEvery <= 0 {
		return
	}
	ticker := time.NewTicker(r.ProgressEvery)
	defer ticker.Stop()
	seen := make([]int64, len(r.queue.tables))
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for i, p := range r.queue.tables {
			rows := p.rows.Load()
			if rows != seen[i] && !r.settled(p.Name.String()) {
				seen[i] = rows
				r.Log.LogAttrs(ctx, slog.LevelInfo, "table progress", r.speed(p, rows)...)
			}
		}
	}
}

// speed tells how far a table is, how fast it goes, and when it will be there,
// by its blocks, or by the planner's estimate of its rows where it has none.
func (r *run) speed(p *progress, rows int64) []slog.Attr {
	elapsed := p.seconds()
	blocks, total := p.blocks.Load(), p.Blocks()
	attributes := []slog.Attr{
		slog.Any("run", r.id), slog.String("table", p.Name.String()), slog.Bool("keys", p.sweeping), slog.Int64("rows", rows),
		slog.Float64("rows_per_second", float64(rows)/elapsed),
		slog.Int64("blocks", blocks), slog.Int64("blocks_total", total),
		slog.Float64("mb_per_second", float64(blocks)*postgres.BlockSize/1e6/elapsed),
	}
	done := float64(blocks) / float64(max(1, total))
	if estimate := p.Rows(); estimate > 0 {
		done = max(done, min(0.99, float64(rows)/float64(estimate)))
	}
	if done > 0 && p.where == "" && p.window == nil {
		attributes = append(attributes, slog.Float64("seconds_left", elapsed*(1-done)/done))
	}
	return attributes
}

// count writes the metrics of a published table.
func (r *run) count(ctx context.Context, o Outcome, seconds float64) {
	r.measure(ctx, o.Table,
		metrics.Metric{Name: "ExtractedRows", Unit: metrics.Count, Value: float64(o.Rows)},
		metrics.Metric{Name: "ExtractedBytes", Unit: metrics.Bytes, Value: float64(o.Bytes)},
		metrics.Metric{Name: "ExtractedParts", Unit: metrics.Count, Value: float64(o.Parts)},
		metrics.Metric{Name: "ExtractSeconds", Unit: metrics.Seconds, Value: seconds},
		metrics.Metric{Name: "ExtractFailures", Unit: metrics.Count, Value: 0})
}

// countFailure writes that a table was to be published and is not.
func (r *run) countFailure(ctx context.Context, name string) {
	r.measure(ctx, name, metrics.Metric{Name: "ExtractFailures", Unit: metrics.Count, Value: 1})
}

func (r *run) measure(ctx context.Context, name string, list ...metrics.Metric) {
	dimensions := []metrics.Dimension{{Name: "Database", Value: r.Database}, {Name: "Table", Value: name}}
	if err := r.Metrics.Write(dimensions, list...); err != nil {
		r.Log.WarnContext(ctx, "metrics could not be written", "error", err)
	}
}

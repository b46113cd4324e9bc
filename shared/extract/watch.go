package extract

import (
	"context"
	"log/slog"
	"time"

	"github.com/stagelift/stagelift/shared/metrics"
	"github.com/stagelift/stagelift/shared/postgres"
)

// watch logs how far the tables are, until ctx ends.
func (r *run) watch(ctx context.Context) {
	if r.ProgressEvery <= 0 {
		return
	}
	ticker := time.NewTicker(r.ProgressEvery)
	defer ticker.Stop()
	seen := make([]int64, len(r.tables))
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for i, t := range r.tables {
			rows := t.rows.Load()
			if rows != seen[i] && t.publishedAs.Load() == nil {
				seen[i] = rows
				r.Log.LogAttrs(ctx, slog.LevelInfo, "table progress", r.speed(t, rows)...)
			}
		}
	}
}

// speed tells how far a table is, how fast it goes, and when it will be there,
// by its blocks, or by the planner's estimate of its rows where it has none.
func (r *run) speed(t *progress, rows int64) []slog.Attr {
	t.mu.Lock()
	elapsed := time.Since(t.started).Seconds()
	t.mu.Unlock()
	blocks := t.blocks.Load()
	attributes := []slog.Attr{
		slog.Any("run", r.id), slog.String("table", t.Name.String()), slog.Int64("rows", rows),
		slog.Float64("rows_per_second", float64(rows)/elapsed),
		slog.Int64("blocks", blocks), slog.Int64("blocks_total", t.Blocks),
		slog.Float64("mb_per_second", float64(blocks)*postgres.BlockSize/1e6/elapsed),
	}
	done := float64(blocks) / float64(max(1, t.Blocks))
	if t.Rows > 0 {
		done = max(done, min(0.99, float64(rows)/float64(t.Rows)))
	}
	if done > 0 && t.where == "" && t.watermark == nil {
		attributes = append(attributes, slog.Float64("seconds_left", elapsed*(1-done)/done))
	}
	return attributes
}

// count writes the metrics of a published table.
func (r *run) count(ctx context.Context, t *progress, p *Published, seconds float64) {
	r.measure(ctx, t,
		metrics.Metric{Name: "ExtractedRows", Unit: metrics.Count, Value: float64(p.Rows)},
		metrics.Metric{Name: "ExtractedBytes", Unit: metrics.Bytes, Value: float64(p.Bytes)},
		metrics.Metric{Name: "ExtractedParts", Unit: metrics.Count, Value: float64(p.Parts)},
		metrics.Metric{Name: "ExtractSeconds", Unit: metrics.Seconds, Value: seconds},
		metrics.Metric{Name: "ExtractFailures", Unit: metrics.Count, Value: 0})
}

// countFailures writes one failure for each table that was to be published and
// is not.
func (r *run) countFailures(ctx context.Context) {
	for _, t := range r.tables {
		if t.publishedAs.Load() == nil {
			r.measure(ctx, t, metrics.Metric{Name: "ExtractFailures", Unit: metrics.Count, Value: 1})
		}
	}
}

func (r *run) measure(ctx context.Context, t *progress, list ...metrics.Metric) {
	dimensions := []metrics.Dimension{{Name: "Database", Value: r.Database}, {Name: "Table", Value: t.Name.String()}}
	if err := r.Metrics.Write(dimensions, list...); err != nil {
		r.Log.WarnContext(ctx, "metrics could not be written", "error", err)
	}
}

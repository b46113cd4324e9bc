package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// formats are what memory is measured for.
var formats = []struct{ name, options string }{
	{"csv", ``}, {"csv, gzip", `,"compression":"gzip"`}, {"json lines", `,"format":"jsonl"`}, {"parquet", `,"format":"parquet"`},
}

// memory measures the peak resident memory of a fresh extract with two streams,
// for a table, and for another of ten times its rows.
func (b *bench) memory(ctx context.Context) error {
	step("measuring memory")
	fmt.Printf("\nextract, two streams, peak resident memory in MiB\n  %-12s", "")
	tables := []string{"small", "large", "twice"}
	for i := range tables {
		fmt.Printf(" %9d rows", []int{b.small, b.large, 2 * b.large}[i])
	}
	fmt.Println()
	for _, format := range formats {
		fmt.Printf("  %-12s", format.name)
		for _, table := range tables {
			b.Functions.Kill("extract") // a fresh process for each
			if _, err := b.extract(ctx, `{"tables":["public.`+table+`"],"streams":2`+format.options+`}`); err != nil {
				return err
			}
			var peak int64
			for _, environment := range b.Functions.Environments("extract") {
				peak = max(peak, environment.PeakMemory)
			}
			fmt.Printf(" %14d", peak>>20)
		}
		fmt.Println()
	}
	return nil
}

// starts is how often a cold start is measured.
const starts = 15

// coldStart measures the time from starting each bootstrap to its first poll
// for an invocation.
func (b *bench) coldStart(ctx context.Context) error {
	step("measuring cold starts")
	fmt.Printf("\ncold start: process start to first poll, least and median of %d\n", starts)
	for _, function := range []string{"extract", "header", "load"} {
		var took []time.Duration
		for range starts {
			b.Functions.Kill(function)
			result, err := b.Functions.Invoke(ctx, function, []byte(`{"Event":"s3:TestEvent","Service":"Amazon S3","Bucket":"b","Time":"2026-11-21T00:00:00Z","RequestId":"r","HostId":"h"}`))
			if err != nil {
				return err
			}
			took = append(took, result.Init)
		}
		slices.Sort(took)
		fmt.Printf("  %-8s %5.1f ms  %5.1f ms\n", function, ms(took[0]), ms(took[len(took)/2]))
	}
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// zips builds and packs the functions as they are deployed, and prints their
// sizes. The bundle stands in for the one that AWS offers for download.
func (b *bench) zips(ctx context.Context) error {
	step("packing the functions for arm64")
	cmd := exec.CommandContext(ctx, "make", "--no-print-directory", "-s", "package", "BUNDLE="+b.RDS.CAFile())
	cmd.Dir, cmd.Stderr = b.root, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("packing the functions: %w", err)
	}
	files, err := filepath.Glob(filepath.Join(b.root, "build", "*.zip"))
	if err != nil {
		return err
	}
	fmt.Printf("\nzip, arm64\n")
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			return err
		}
		fmt.Printf("  %-24s %.2f MB\n", filepath.Base(file), float64(info.Size())/1e6)
	}
	return nil
}

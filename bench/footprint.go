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

// memory measures the peak resident memory of a fresh extract for each table,
// with two streams.
func (b *bench) memory(ctx context.Context) error {
	step("measuring memory")
	peak := map[string]int64{}
	for _, table := range []string{"small", "large"} {
		b.Functions.Kill("extract") // a fresh process for each
		if _, err := b.extract(ctx, `{"tables":["public.`+table+`"],"streams":2}`); err != nil {
			return err
		}
		for _, environment := range b.Functions.Environments("extract") {
			peak[table] = max(peak[table], environment.PeakMemory)
		}
	}
	fmt.Printf("\nextract, two streams, peak resident memory\n")
	fmt.Printf("  %9d rows  %4d MiB\n", b.small, peak["small"]>>20)
	fmt.Printf("  %9d rows  %4d MiB, %.2f of the other\n", b.large, peak["large"]>>20, float64(peak["large"])/float64(peak["small"]))
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
func zips(ctx context.Context, root, bundle string) error {
	step("packing the functions for arm64")
	cmd := exec.CommandContext(ctx, "make", "--no-print-directory", "-s", "package", "BUNDLE="+bundle)
	cmd.Dir, cmd.Stderr = root, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("packing the functions: %w", err)
	}
	files, err := filepath.Glob(filepath.Join(root, "build", "*.zip"))
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

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestWhatFailsIsCountedAndNamed(t *testing.T) {
	t.Parallel()
	dir := scripts(t, map[string]string{
		"fails": "#!/bin/sh\n# a claim\nexit 3\n",
		"hangs": "#!/bin/sh\n# another\nsleep 60 & wait\n",
		"holds": "#!/bin/sh\n# a third\necho seen\n",
	})
	var out strings.Builder
	failed, err := run(t.Context(), dir, "", 500*time.Millisecond, &out)
	if err != nil || failed != 2 {
		t.Errorf("%d failed, %v; want 2", failed, err)
	}
	for _, want := range []string{"FAILED: exit status 3", "FAILED: not done after 500ms", "seen\n", "ok", "a third"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}

func TestOneIsChosenByItsName(t *testing.T) {
	t.Parallel()
	dir := scripts(t, map[string]string{"fails": "#!/bin/sh\n# a claim\nexit 3\n", "holds": "#!/bin/sh\n# a third\n"})
	var out strings.Builder
	if failed, err := run(t.Context(), dir, "ho", time.Minute, &out); err != nil || failed != 0 {
		t.Errorf("%d failed, %v:\n%s", failed, err, out.String())
	}
	if _, err := run(t.Context(), dir, "no such", time.Minute, &out); err == nil {
		t.Error("a name that there is not is no error")
	}
}

func TestEveryOracleSaysWhatItHolds(t *testing.T) {
	t.Parallel()
	all, err := filepath.Glob("*/oracle")
	if err != nil || len(all) == 0 {
		t.Fatalf("%d oracles, %v", len(all), err)
	}
	for _, script := range all {
		if _, err := claimOf(script); err != nil {
			t.Error(err)
		}
	}
	dir := scripts(t, map[string]string{"mute": "#!/bin/sh\nexit 0\n"})
	if _, err := run(t.Context(), dir, "", time.Minute, &strings.Builder{}); err == nil {
		t.Error("a script without a claim is no error")
	}
}

// scripts makes a folder of oracles.
func scripts(t *testing.T, texts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range texts {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "oracle"), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

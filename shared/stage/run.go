package stage

import (
	"crypto/rand"
	"fmt"
	"regexp"
	"time"
)

// RunID names one run: its start in UTC and eight random hex digits, so that
// ids sort by time and two runs of the same second differ.
type RunID string

var runShape = regexp.MustCompile(`^\d{8}T\d{6}Z-[0-9a-f]{8}$`)

// NewRunID returns an id for a run that starts now. The first half of its end is the
// part of the second, so that the ids of two runs sort by time unless they start
// within 15 µs; the other half is drawn.
func NewRunID(now time.Time) RunID {
	var drawn [2]byte
	_, _ = rand.Read(drawn[:]) // never fails: crypto/rand ends the process instead
	return RunID(fmt.Sprintf("%s-%04x%x", now.UTC().Format("20060102T150405Z"), now.Nanosecond()<<16/int(time.Second), drawn))
}

// ParseRunID checks that s is the id of a run.
func ParseRunID(s string) (RunID, error) {
	if !runShape.MatchString(s) {
		return "", fmt.Errorf("run id %q: want a form like 20261121T003000Z-7f3a91c2", s)
	}
	return RunID(s), nil
}

package sessions_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stagelift/stagelift/local/sessions"
)

// begin returns how long the compute took to begin a statement.
func begin(t *testing.T, c *sessions.Compute) (took time.Duration, end func()) {
	t.Helper()
	asked := time.Now()
	end, err := c.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return time.Since(asked), end
}

func TestComputeSleepsWhileIdle(t *testing.T) {
	t.Parallel()
	const resume, idle = 30 * time.Second, time.Hour
	synctest.Test(t, func(t *testing.T) {
		c := sessions.NewCompute(resume, idle, time.Now)
		for i, step := range []struct{ pause, runs, want time.Duration }{
			{0, time.Minute, resume},
			{idle - 1, 2 * idle, 0},
			{idle - 1, 0, 0},
			{idle, 0, resume},
		} {
			time.Sleep(step.pause)
			took, end := begin(t, c)
			if took != step.want {
				t.Errorf("statement %d waited %v, want %v", i, took, step.want)
			}
			time.Sleep(step.runs)
			end()
		}
	})
}

// It does not idle beside a statement that runs.
func TestComputeDoesNotSleepAtWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := sessions.NewCompute(time.Second, time.Minute, time.Now)
		_, end := begin(t, c)
		defer end()
		_, short := begin(t, c)
		short()
		time.Sleep(time.Hour)
		took, another := begin(t, c)
		another()
		if took != 0 {
			t.Errorf("the statement beside it waited %v", took)
		}
	})
}

// Whoever comes while it wakes up waits for the rest alone, and one who gives
// up keeps it from nothing.
func TestComputeWakesOnce(t *testing.T) {
	t.Parallel()
	const resume = 30 * time.Second
	synctest.Test(t, func(t *testing.T) {
		c := sessions.NewCompute(resume, time.Minute, time.Now)
		short, cancel := context.WithTimeout(t.Context(), resume/3)
		defer cancel()
		if _, err := c.Begin(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("giving up: %v", err)
		}
		took, end := begin(t, c)
		end()
		if took != resume-resume/3 {
			t.Errorf("the second waited %v, want the rest of %v", took, resume)
		}
	})
}

func TestComputeAwakeForGood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		never := sessions.NewCompute(0, time.Minute, time.Now)
		once := sessions.NewCompute(time.Second, 0, time.Now)
		for i, want := range []time.Duration{time.Second, 0} {
			took, end := begin(t, never)
			end()
			tookOnce, endOnce := begin(t, once)
			endOnce()
			if took != 0 || tookOnce != want {
				t.Errorf("statement %d waited %v without a resume and %v, want %v, without idling", i, took, tookOnce, want)
			}
			time.Sleep(time.Hour)
		}
	})
}

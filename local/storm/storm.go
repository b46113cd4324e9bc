// Package storm runs extract amid writers, changes of the schema, ended sessions,
// faults of S3 and deaths of its own, and has a referee say whether what it
// published is what was there.
//
// Extract is a black box: the built binary, run by the Lambda host, known by its
// requests, its answers and the objects in its bucket. What it refuses or fails
// is right by definition, and counted; what it publishes must be whole, of one
// moment, and of the table that it names. The package draws rounds, plays them
// and counts; what the truth was is kept by package truth, what was published is
// read by package staged, and package referee compares the two.
//
// A round's script is drawn from the seed and the round's number alone. What
// then happens is up to two processors and their schedulers: a seed that found
// something finds it again more often than not. A round that found something is
// written down whole.
//
// That the referee says nothing where there is nothing to say is shown by package
// control, the plainest extract that is right, and that it says something by the
// same, linked to be careless. It needs PostgreSQL 14 or newer.
//
// Not imitated: a read replica, a failover, more than one server, and a network
// that breaks between extract and the database other than by the end of a session.
package storm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"

	"github.com/stagelift/stagelift/local/storm/referee"
)

// Options say what storm there is to be.
type Options struct {
	// Root is the project's folder.
	Root string
	// Binary is extract's bootstrap, or the folder that it lies in; empty builds
	// it from Root.
	Binary string
	// Seed draws the rounds, which are numbered from First, 1 when it is 0.
	Seed          uint64
	First, Rounds int
	// Lanes are how many rounds are played at once; 0 is 5. Most of the time of
	// most rounds is waiting.
	Lanes int
	// Floor is the share of rounds in which something must be published: one that
	// refuses everything loses nothing. 0 is half.
	Floor float64
	// Every is after how many rounds a line is written; 0 is 25.
	Every int
	// Out receives the lines; nil discards them.
	Out io.Writer
	// Evidence is the folder for what is known of rounds that found something;
	// empty is .local/storm below Root.
	Evidence string
	// OnFinding is told of every finding; may be nil. Calls come one at a time.
	OnFinding func(round int, f referee.Finding)
}

func (o *Options) fill() {
	if o.First == 0 {
		o.First = 1
	}
	if o.Lanes == 0 {
		o.Lanes = 5
	}
	if o.Floor == 0 {
		o.Floor = 0.5
	}
	if o.Every == 0 {
		o.Every = 25
	}
	if o.Out == nil {
		o.Out = io.Discard
	}
	if o.Evidence == "" {
		o.Evidence = filepath.Join(o.Root, ".local", "storm")
	}
	o.Lanes = min(o.Lanes, o.Rounds)
}

// ErrTooQuiet says that too few rounds published anything.
var ErrTooQuiet = errors.New("too few rounds published anything")

// Run plays rounds and counts. Findings are no error: see Tally.Failed. An error
// says that the storm itself failed, or that it was too quiet.
func Run(ctx context.Context, o Options) (tally Tally, err error) {
	o.fill()
	w, err := openWorld(ctx, o)
	if err != nil {
		return tally, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	r := &runner{Options: o, next: o.First, began: time.Now(), tally: Tally{
		Made: map[string]int{}, Unmade: map[string]int{}, Refused: map[string]int{}, Differing: map[referee.Kind]int{}, Bad: map[referee.Kind][]int{},
	}}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var lanes sync.WaitGroup
	for i := range o.Lanes {
		lanes.Go(func() {
			if err := r.lane(ctx, w, i+1); err != nil {
				cancel(err)
			}
		})
	}
	lanes.Wait()
	if err := context.Cause(ctx); err != nil {
		return r.tally, err
	}
	if share := float64(r.tally.Publishing) / float64(max(1, r.tally.Rounds)); share < o.Floor {
		return r.tally, fmt.Errorf("%w: %.0f %%, want %.0f %%", ErrTooQuiet, 100*share, 100*o.Floor)
	}
	return r.tally, nil
}

// runner hands out rounds and adds up.
type runner struct {
	Options
	began time.Time

	mu    sync.Mutex
	next  int
	tally Tally
}

func (r *runner) take() (int, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next++
	return r.next - 1, r.next <= r.First+r.Rounds
}

// lane plays rounds until none is left.
func (r *runner) lane(ctx context.Context, w *world, number int) (err error) {
	l, err := w.newLane(ctx, number)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close(ctx)) }()
	if l.modern, err = l.isModern(ctx); err != nil {
		return err
	}
	for ctx.Err() == nil {
		round, more := r.take()
		if !more {
			return nil
		}
		if err := r.round(ctx, l, draw(r.Seed, round)); err != nil {
			return fmt.Errorf("round %d of seed %d: %w", round, r.Seed, err)
		}
	}
	return nil
}

func (r *runner) round(ctx context.Context, l *lane, s script) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	p, err := l.play(ctx, s)
	var v verdict
	if err == nil {
		v, err = l.judge(ctx, s, p)
	}
	if err != nil || len(v.findings) > 0 {
		err = errors.Join(err, l.keep(context.WithoutCancel(ctx), r.Evidence, s, p, v, err))
	}
	if err != nil {
		return err
	}
	r.count(s, p, v)
	return l.clean(ctx, s)
}

func (r *runner) count(s script, p *played, v verdict) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tally.add(s.Round, p, v)
	r.tally.Took = time.Since(r.began)
	for _, f := range v.findings {
		if r.OnFinding != nil {
			r.OnFinding(s.Round, f)
		}
	}
	if len(v.findings) > 0 {
		_, _ = fmt.Fprintf(r.Out, "%s\n", s.summary())
		for _, f := range v.findings {
			_, _ = fmt.Fprintf(r.Out, "    %s\n", f)
		}
	}
	if r.tally.Rounds%r.Every == 0 {
		_, _ = fmt.Fprintln(r.Out, r.tally.Line())
	}
}

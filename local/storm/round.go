package storm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/local/storm/truth"
)

// limit bounds a round, in which every invocation is bounded already: one that
// takes longer is the storm's own mistake.
const limit = 5 * time.Minute

// played is what happened in a round.
type played struct {
	answers []answer
	log     string

	mu sync.Mutex
	// made counts what writers did and which changes were made, refused what the
	// database refused, both by what it was; refusals say why.
	made, refused map[string]int
	refusals      []string
}

// note counts something that was done, or was refused.
func (p *played) note(what string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		p.made[what]++
		return
	}
	p.refused[what]++
	p.refusals = append(p.refusals, fmt.Sprintf("%s: %v", what, err))
}

// play plays a round: tables, writers, changes, kills and faults at their times,
// calls one after the other; at its end nobody is at work any more.
func (l *lane) play(ctx context.Context, s script) (*played, error) {
	p := &played{made: map[string]int{}, refused: map[string]int{}}
	l.said.take()
	for _, statement := range s.setup() {
		if _, err := l.admin.Exec(ctx, statement); err != nil {
			return p, fmt.Errorf("making the tables: %w\n%s", err, statement)
		}
	}
	l.door.Fail(inTurn(s.Faults, l.kill))
	playing, over := context.WithCancel(ctx)
	defer over()
	var work errands
	c := clock{ctx: playing, began: time.Now(), reading: make(chan struct{})}
	for _, w := range s.Writers {
		work.do(func() error { return p.write(playing, l, s, w) })
	}
	work.do(func() error { return c.watch(l) })
	work.do(func() error { return p.alter(playing, l, s, c) })
	for _, k := range s.Kills {
		work.do(func() error {
			if !c.await(k.Reading, k.At) {
				return nil
			}
			return ignoreEnd(playing, k.do(playing, l))
		})
	}
	err := p.call(ctx, l, s, c)
	c.await(false, s.Lasts)
	over()
	err = errors.Join(err, work.wait())
	l.door.Fail(nil)
	if err == nil {
		err = l.calm(ctx, s)
	}
	if err == nil {
		err = p.finish(ctx, l, s)
	}
	p.log = l.said.take()
	return p, err
}

func (p *played) write(ctx context.Context, l *lane, s script, w writer) error {
	h := &hand{writer: w, dice: newDice(s.Seed, w.Stream), lane: l, schema: s.Schema, note: p.note}
	for _, name := range w.Tables {
		h.tables = append(h.tables, s.table(name))
	}
	return h.work(ctx)
}

// alter makes the changes of the schema, one after the other: what names stand
// for is written down by one session at a time.
func (p *played) alter(ctx context.Context, l *lane, s script, at clock) error {
	for _, c := range s.Changes {
		if !at.await(c.Reading, c.At) {
			return nil
		}
		// Once begun it is ended, lest names stay away.
		p.note(c.Kind, c.do(context.WithoutCancel(ctx), l, s.Schema, s.table(c.Table)))
	}
	return nil
}

func (p *played) call(ctx context.Context, l *lane, s script, at clock) error {
	for _, c := range s.Calls {
		at.await(false, c.At)
		answers, err := c.make(ctx, l, s)
		p.answers = append(p.answers, answers...)
		if err != nil {
			return err
		}
	}
	return nil
}

// calm ends what is left of the writers, and waits for what may still be on its
// way to S3.
func (l *lane) calm(ctx context.Context, s script) error {
	for {
		var left int
		err := l.admin.QueryRow(ctx, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'storm'`).Scan(&left)
		if err != nil {
			return err
		}
		if left == 0 {
			break
		}
		sleep(ctx, 5*time.Millisecond)
	}
	rows, err := l.admin.Query(ctx, `SELECT gid FROM pg_prepared_xacts WHERE database = current_database()`)
	if err != nil {
		return err
	}
	gids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, gid := range gids {
		if _, err := l.admin.Exec(ctx, "ROLLBACK PREPARED '"+gid+"'"); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(s.Kills, func(k kill) bool { return k.What == "function" }) || len(s.Faults) > 0 {
		sleep(ctx, 2*longest)
	}
	return nil
}

// finish reads, table by table, what incremental runs have not read yet, until
// nothing comes any more.
func (p *played) finish(ctx context.Context, l *lane, s script) error {
	if s.Kind == full {
		return nil
	}
	for _, t := range s.Tables {
		if t.Cursor == "" {
			continue
		}
		c := call{Function: settled, Tables: []string{t.qualified(s.Schema)}}
		for range 3 {
			answers, err := c.make(ctx, l, s)
			p.answers = append(p.answers, answers...)
			if err != nil {
				return err
			}
			if !slices.ContainsFunc(answers, func(a answer) bool { return strings.Contains(a.Payload, "/receipt.json") }) {
				break
			}
		}
	}
	return nil
}

// clean removes what the round left, also sessions of functions that were killed,
// whose server has yet to notice.
func (l *lane) clean(ctx context.Context, s script) error {
	_, err := l.admin.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND usename = $1`, user)
	if err != nil {
		return err
	}
	for _, suffix := range []string{"", "_x", "_n", "_o"} {
		if _, err := l.admin.Exec(ctx, "DROP SCHEMA IF EXISTS "+s.Schema+suffix+" CASCADE"); err != nil {
			return err
		}
	}
	return errors.Join(truth.Clear(ctx, l.admin), l.sweep(ctx))
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/local/bus"
	"github.com/stagelift/stagelift/local/stack"
	"github.com/stagelift/stagelift/local/template"
	extract "github.com/stagelift/stagelift/shared/run"
)

// loading is a stack with a table to load, and both warehouses to load it into.
// Its events reach nobody by themselves, so that the warehouses are measured one
// after the other.
type loading struct {
	*stack.Stack
	*watch
	root string
}

// loadedRows is how many rows each load brings: few, since what is measured is
// what a load costs besides the warehouse's work.
const loadedRows = 1000

// target is one of the warehouses.
type target struct {
	name, function string
	// id is the function's in the template.
	id string
	// statements are those of its stand-in.
	statements func() []sent
	// database leads to what was loaded.
	database string
}

func (l *loading) targets() []target {
	return []target{
		{"Redshift", "load", "LoadFunction", l.toRedshift, l.WarehouseURL},
		{"Snowflake", stack.LoadSnowflake, "LoadSnowflakeFunction", l.toSnowflake, l.SnowflakeURL},
	}
}

// load measures what a load costs besides the warehouse's own work: the time
// before and after it, what Lambda bills while it lasts, and how many loads a
// thousand small objects make.
func (b *bench) load(ctx context.Context) (err error) {
	l := &loading{watch: newWatch(), root: b.root}
	l.Stack, err = stack.Start(ctx, stack.Options{
		Root: b.root, Step: step, Deaf: true, Snowflake: true, OnCreated: l.created, OnStart: l.begun,
		BeforeStatement: l.holdCopy, BeforeSnowflakeStatement: l.holdCopy,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if err := l.fill(ctx); err != nil {
		return err
	}
	if err := l.overhead(ctx); err != nil {
		return fmt.Errorf("measuring what a load adds: %w", err)
	}
	if err := l.billed(ctx, b.copies); err != nil {
		return fmt.Errorf("measuring what a load bills: %w", err)
	}
	if err := l.smallObjects(ctx); err != nil {
		return fmt.Errorf("measuring small objects: %w", err)
	}
	return nil
}

func (l *loading) fill(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, l.RDS.AdminURL())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }() // nothing is pending
	for _, name := range []string{"loaded", "held"} {
		if _, err := conn.Exec(ctx, "CREATE TABLE "+name+" AS "+fmt.Sprintf(columns, loadedRows)); err != nil {
			return err
		}
	}
	return nil
}

// publish extracts a table and returns the key of its receipt.
func (l *loading) publish(ctx context.Context, table string) (string, error) {
	result, err := l.Functions.Invoke(ctx, "extract", []byte(`{"tables":["public.`+table+`"],"load":{"mode":"append"}}`))
	if err != nil {
		return "", err
	}
	if result.Error != nil {
		return "", result.Error
	}
	var answer extract.Answer
	if err := json.Unmarshal(result.Payload, &answer); err != nil {
		return "", fmt.Errorf("reading what extract answered: %w", err)
	}
	return answer.Tables[0].Receipt, nil
}

// loads is how often a load is measured, after one that creates the target and
// starts the function.
const loads = 15

// moments of a load, as they are seen from outside the function.
type moments struct {
	// published is when the receipt appeared, begun when the function was handed
	// its event, submitted when the warehouse was handed the transaction, done
	// when that had ended, and kept when its outcome was in S3.
	published, begun, submitted, done, kept time.Time
	// looking is how long the statements before it took the warehouse.
	looking time.Duration
}

// overhead measures loads that follow one another, each from its receipt to its
// outcome, by the template's own event rule.
func (l *loading) overhead(ctx context.Context) error {
	fmt.Printf("\nload of %d rows into a table that is there, least and median of %d, in ms\n", loadedRows, loads)
	for _, t := range l.targets() {
		step("measuring what a load into " + t.name + " adds")
		list, err := l.follow(ctx, t)
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		fmt.Printf("  %s\n", t.name)
		for _, phase := range []struct {
			name string
			took func(m moments) time.Duration
		}{
			{"receipt appears → invocation begins", func(m moments) time.Duration { return m.begun.Sub(m.published) }},
			{"invocation begins → load submitted", func(m moments) time.Duration { return m.submitted.Sub(m.begun) }},
			{"  of it the warehouse looking at target and ledger", func(m moments) time.Duration { return m.looking }},
			{"load done → outcome in _loads/", func(m moments) time.Duration { return m.kept.Sub(m.done) }},
			{"receipt → outcome, without the load itself", func(m moments) time.Duration {
				return m.kept.Sub(m.published) - m.done.Sub(m.submitted)
			}},
		} {
			took := make([]time.Duration, len(list))
			for i, m := range list {
				took[i] = phase.took(m)
			}
			slices.Sort(took)
			fmt.Printf("    %-52s %7.1f  %7.1f\n", phase.name, ms(took[0]), ms(took[len(took)/2]))
		}
	}
	return nil
}

// follow loads one receipt after the other.
func (l *loading) follow(ctx context.Context, t target) ([]moments, error) {
	events, err := l.eventsFor(t)
	if err != nil {
		return nil, err
	}
	defer l.deliverTo(nil, events)
	var list []moments
	for range loads + 1 {
		before := len(t.statements())
		receipt, err := l.publish(ctx, "loaded")
		if err != nil {
			return nil, err
		}
		m, err := l.outcomeOf(ctx, t.function, receipt)
		if err != nil {
			return nil, err
		}
		for _, s := range t.statements()[before:] {
			if s.copies > 0 {
				m.submitted, m.done = s.submitted, s.ended
			} else if m.submitted.IsZero() {
				m.looking += s.ended.Sub(s.submitted)
			}
		}
		list = append(list, m)
	}
	return list[1:], want(ctx, t, `"public"."loaded"`, (loads+1)*loadedRows)
}

// eventsFor turns new objects into invocations of one function, by the rules
// that the template has for it.
func (l *loading) eventsFor(t target) (*bus.Bus, error) {
	loaded, err := template.Load(filepath.Join(l.root, "template.yaml"), map[string]string{"StagingBucket": stack.Bucket})
	if err != nil {
		return nil, err
	}
	var rules []bus.Rule
	for _, rule := range loaded.Rules() {
		if rule.Function == t.id {
			rules = append(rules, bus.Rule{Function: t.function, Matches: rule.Pattern.Matches})
		}
	}
	events := bus.New(bus.Options{
		Rules: rules, Deliver: l.Functions.InvokeAsync, Stat: l.stat, Region: stack.Region, Account: stack.Account,
	})
	l.deliverTo(events, nil)
	return events, nil
}

// want makes sure that what was measured was done.
func want(ctx context.Context, t target, table string, rows int) error {
	got, err := count(ctx, t, table)
	if err == nil && got != rows {
		err = fmt.Errorf("%d rows in %s of %s, want %d", got, table, t.name, rows)
	}
	return err
}

func count(ctx context.Context, t target, table string) (rows int, err error) {
	conn, err := pgx.Connect(ctx, t.database)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close(ctx) }() // nothing is pending
	err = conn.QueryRow(ctx, "SELECT count(*) FROM "+table).Scan(&rows)
	return rows, err
}

// sent is what was submitted to a warehouse in one call.
type sent struct {
	submitted, ended time.Time
	// copies is how many of its statements are COPY; none where it failed, since
	// nothing of it stayed.
	copies int
}

func (l *loading) toRedshift() []sent {
	var list []sent
	for _, r := range l.Redshift.Statements() {
		s := sent{submitted: r.Submitted, ended: r.Ended}
		for _, sql := range r.SQL {
			if strings.HasPrefix(sql, "COPY ") && !r.Failed {
				s.copies++
			}
		}
		list = append(list, s)
	}
	return list
}

func (l *loading) toSnowflake() []sent {
	var list []sent
	for _, r := range l.Snowflake.Statements() {
		s := sent{submitted: r.At, ended: r.Ended}
		if !r.Failed {
			s.copies = strings.Count(r.SQL, "COPY INTO ")
		}
		list = append(list, s)
	}
	return list
}

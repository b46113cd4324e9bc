// Package demo runs the whole way with sample data and checks every row of it.
//
// It starts a fresh stack, fills a shop database, shows that a wrong token is
// refused, extracts everything, waits until the events have brought all of it
// into Redshift and into Snowflake, gives every staged object its header,
// delivers one event a second time, and compares the source with both by a
// digest over every value. Any difference is an error.
package demo

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/local/compare"
	"github.com/stagelift/stagelift/local/lambdahost"
	"github.com/stagelift/stagelift/local/pgserver"
	"github.com/stagelift/stagelift/local/stack"
	"github.com/stagelift/stagelift/shared/run"
)

//go:embed sample.sql
var sample string

// demo is the state of one demonstration.
type demo struct {
	*stack.Stack
	root   string
	out    *screen
	source *pgx.Conn
	// redshift and snowflake are the databases behind the two warehouses.
	redshift, snowflake *pgx.Conn

	answer run.Answer
	rows   []row
}

// Run does all of it and returns an error when anything is not as it should be.
func Run(ctx context.Context, root string, out *os.File) (err error) {
	start := time.Now()
	d := &demo{root: root, out: newScreen(out)}
	logs, err := os.CreateTemp("", "stagelift-demo-*.log")
	if err != nil {
		return fmt.Errorf("opening the demo's log: %w", err)
	}
	defer func() {
		_ = logs.Close() // it was written as it came
		if err == nil {
			err = os.Remove(logs.Name())
			return
		}
		err = fmt.Errorf("%w\n(the log is kept in %s)", err, logs.Name())
	}()
	d.Stack, err = stack.Start(ctx, stack.Options{
		Root: root, Snowflake: true, Log: logs, Step: d.out.step, ProgressEvery: 250 * time.Millisecond,
		FunctionLog: func(name string) io.Writer { return io.MultiWriter(logs, d.out.follow(name)) },
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	for _, step := range []func(context.Context) error{
		d.fill, d.refuse, d.extract, d.awaitLoads, d.headers, d.deliverAgain, d.verify,
	} {
		if err := step(ctx); err != nil {
			d.out.stop()
			return err
		}
	}
	d.out.printf("\nEverything arrived, once, and is the same, value by value. %.0f s in all.\n", time.Since(start).Seconds())
	return nil
}

// fill makes the sample database: the shop, and what pgbench -i makes.
func (d *demo) fill(ctx context.Context) (err error) {
	d.out.step("filling the source with a sample shop and pgbench's tables")
	if d.source, err = compare.Connect(ctx, d.RDS.AdminURL()); err != nil {
		return fmt.Errorf("connecting to the source: %w", err)
	}
	if d.redshift, err = compare.Connect(ctx, d.WarehouseURL); err != nil {
		return fmt.Errorf("connecting to the Redshift stand-in's database: %w", err)
	}
	if d.snowflake, err = compare.Connect(ctx, d.SnowflakeURL); err != nil {
		return fmt.Errorf("connecting to the Snowflake stand-in's database: %w", err)
	}
	if _, err = d.source.PgConn().Exec(ctx, sample).ReadAll(); err != nil {
		return fmt.Errorf("filling the source: %w", err)
	}
	if err := pgbench(ctx, d.RDS.AdminURL()); err != nil {
		return err
	}
	_, err = d.source.Exec(ctx, "VACUUM ANALYZE")
	return err
}

// pgbench makes its tables at scale 3: 300,000 accounts.
func pgbench(ctx context.Context, url string) error {
	program, err := pgserver.Program("pgbench")
	if err != nil {
		return fmt.Errorf("finding pgbench, which makes half of the sample: %w", err)
	}
	output, err := exec.CommandContext(ctx, program, "-i", "-q", "-s", "3", url).CombinedOutput()
	if err != nil {
		return fmt.Errorf("running pgbench -i: %w\n%s", err, output)
	}
	return nil
}

// refuse shows what happens to a token that was signed with another key.
func (d *demo) refuse(ctx context.Context) error {
	d.out.step("trying to log in with a token that is not the gate's to accept")
	result, err := d.InvokeAs(ctx, "extract", []string{"AWS_SECRET_ACCESS_KEY=not-the-key"}, []byte(`{"tables":["public.*"]}`))
	if err != nil {
		return err
	}
	if result.Error == nil {
		return errors.New("a token signed with the wrong key was accepted")
	}
	d.out.printf("  refused: %s\n", result.Error.Message)
	return nil
}

// extract invokes the function as sam local invoke would.
func (d *demo) extract(ctx context.Context) error {
	d.out.step("extracting every table at one snapshot, while each is loaded into both as soon as it is published")
	event, err := os.ReadFile(filepath.Join(d.root, "events", "extract-all.json"))
	if err != nil {
		return err
	}
	result, err := d.Functions.Invoke(ctx, "extract", event)
	if err != nil {
		return err
	}
	if result.Error != nil {
		return result.Error
	}
	return json.Unmarshal(result.Payload, &d.answer)
}

// awaitLoads waits for the events of the receipts to do their work.
func (d *demo) awaitLoads(ctx context.Context) error {
	if err := d.Idle(ctx); err != nil {
		return err
	}
	d.out.stop()
	return d.noDeadLetters()
}

func (d *demo) noDeadLetters() error {
	var problems []error
	for _, letter := range d.DeadLetters() {
		problems = append(problems, fmt.Errorf("%s gave up on an event: %w", letter.Function, deadLetterError(letter)))
	}
	return errors.Join(problems...)
}

func deadLetterError(letter lambdahost.DeadLetter) error {
	if letter.Error == nil {
		return errors.New("no error was given")
	}
	return letter.Error
}

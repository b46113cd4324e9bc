package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/local/lambdahost"
	"github.com/stagelift/stagelift/local/process"
	"github.com/stagelift/stagelift/local/stack"
)

// pairs are what extract is compared with another build of itself for.
var pairs = []struct{ name, request string }{
	{"one small table", `{"tables":["many.t1"]}`},
	{"csv", `{"tables":["public.large"]}`},
	{"csv, gzip", `{"tables":["public.large"],"compression":"gzip"}`},
	{"parquet", `{"tables":["public.large"],"format":"parquet"}`},
	{"json lines", `{"tables":["public.large"],"format":"jsonl"}`},
	{"1,000 small tables", `{"tables":["many.*"]}`},
	{"1,000 small tables, parquet, 8 streams", `{"tables":["many.*"],"format":"parquet","streams":8}`},
}

// manyTables are small: what a run does for each of them is what they cost.
const manyTables = `DO $$ BEGIN EXECUTE 'CREATE SCHEMA many'; FOR i IN 1..1000 LOOP
EXECUTE format('CREATE TABLE many.t%s AS SELECT i AS id, now() AS at, ''name '' || i AS name FROM generate_series(1, 20) AS i', i);
IF i % 50 = 0 THEN COMMIT; END IF; END LOOP; END $$`

// beforeAndNow compares extract with the build of it that -before names. They take
// turns, each going first as often as the other, so that both see the same machine.
func (b *bench) beforeAndNow(ctx context.Context) (err error) {
	if b.before == "" {
		return errors.New("pairs needs -before: the bootstrap of another build, as make functions OUT=… makes it")
	}
	conn, err := pgx.Connect(ctx, b.RDS.AdminURL())
	if err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, manyTables); err != nil {
		return err
	}
	if err := errors.Join(b.grantMany(ctx, conn), conn.Close(ctx)); err != nil {
		return err
	}
	group, err := process.NewGroup()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, group.Close()) }()
	host, err := b.host(group)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, host.Close()) }()
	fmt.Printf("\nextract, this build beside %s, least of the seconds and median of the ratios, %d rounds\n  %-40s %8s %8s %6s\n", b.before, b.rounds, "", "before", "now", "ratio")
	for _, pair := range pairs {
		step("comparing " + pair.name)
		before := &way{name: pair.name + " before", run: func() (time.Duration, error) { return b.invoke(ctx, host, "before", pair.request) }}
		now := &way{name: pair.name, run: func() (time.Duration, error) { return b.invoke(ctx, host, "now", pair.request) }}
		ratios, err := b.inTurns(before, now)
		if err != nil {
			return err
		}
		fmt.Printf("  %-40s %8.2f %8.2f %6.2f  (%.2f to %.2f)\n", pair.name, before.least.Seconds(), now.least.Seconds(), ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1])
	}
	return nil
}

// inTurns gives what now took by what before took, the least first.
func (b *bench) inTurns(before, now *way) (ratios []float64, err error) {
	for round := range b.rounds + 1 {
		first, second := before, now
		if round%2 == 1 {
			first, second = now, before
		}
		took := map[*way]time.Duration{}
		for _, w := range []*way{first, second} {
			if took[w], err = w.time(); err != nil {
				return nil, err
			}
		}
		if round == 0 { // fills the caches
			before.least, now.least = 0, 0
			continue
		}
		ratios = append(ratios, took[now].Seconds()/took[before].Seconds())
	}
	slices.Sort(ratios)
	return ratios, nil
}

func (*bench) grantMany(ctx context.Context, conn *pgx.Conn) error {
	user := pgx.Identifier{stack.User}.Sanitize()
	_, err := conn.Exec(ctx, "GRANT USAGE ON SCHEMA many TO "+user+"; GRANT SELECT ON ALL TABLES IN SCHEMA many TO "+user, pgx.QueryExecModeSimpleProtocol)
	return err
}

// host runs both builds as the stack runs extract.
func (b *bench) host(group *process.Group) (*lambdahost.Host, error) {
	before, err := filepath.Abs(b.before)
	if err != nil {
		return nil, err
	}
	var functions []lambdahost.Function
	for name, bootstrap := range map[string]string{"before": before, "now": filepath.Join(b.root, ".local", "bin", "extract", "bootstrap")} {
		dir, err := group.TempDir(name)
		if err != nil {
			return nil, err
		}
		for name, target := range map[string]string{"bootstrap": bootstrap, "global-bundle.pem": b.RDS.CAFile()} {
			if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
				return nil, err
			}
		}
		functions = append(functions, lambdahost.Function{Name: name, Dir: dir, Env: b.Environment(), Timeout: stack.Timeout, MemoryMB: 2048})
	}
	return lambdahost.New(lambdahost.Options{Group: group, Functions: functions})
}

func (b *bench) invoke(ctx context.Context, host *lambdahost.Host, function, request string) (time.Duration, error) {
	start := time.Now()
	result, err := host.Invoke(ctx, function, []byte(request))
	took := time.Since(start)
	if err != nil {
		return took, err
	}
	if result.Error != nil {
		return took, result.Error
	}
	return took, b.clear(ctx)
}

package storm

import (
	"context"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stagelift/stagelift/local/s3"
	"github.com/stagelift/stagelift/local/storm/referee"
)

var (
	binary = flag.String("binary", "", "extract's bootstrap, or its folder, for TestNothingIsLostInAStorm; built from here when empty")
	rounds = flag.Int("rounds", 15, "how many rounds TestNothingIsLostInAStorm plays")
	seed   = flag.Uint64("seed", 1, "what they are drawn from")
)

// play plays a storm in front of a test.
func play(t *testing.T, o Options) (Tally, error) {
	t.Helper()
	root, err := s3.Root()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	o.Root, o.Out = root, &out
	if o.Evidence == "" {
		o.Evidence = t.TempDir()
	}
	tally, err := Run(t.Context(), o)
	tally.Print(&out)
	t.Log("\n" + out.String())
	return tally, err
}

// Give it rounds and a binary: go test ./local/storm -run Nothing -rounds 100 -binary path.
func TestNothingIsLostInAStorm(t *testing.T) {
	t.Parallel()
	root, err := s3.Root()
	if err != nil {
		t.Fatal(err)
	}
	tally, err := play(t, Options{
		Binary: *binary, Rounds: *rounds, Seed: *seed, Evidence: filepath.Join(root, ".local", "storm"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if tally.Failed() {
		t.Errorf("seed %d: what is known of the rounds lies in .local/storm", *seed)
	}
}

// control builds the plainest extract that is right, or one that is not.
func control(t *testing.T, flags ...string) string {
	t.Helper()
	return build(t, append(flags, "-tags", "lambda.norpc", "./local/storm/control")...)
}

// build returns the folder of a bootstrap.
func build(t *testing.T, arguments ...string) string {
	t.Helper()
	root, err := s3.Root()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"build", "-buildvcs=false", "-o", filepath.Join(dir, "bootstrap")}, arguments...)...)
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return dir
}

// Where nothing is lost, nothing is found.
func TestRightExtractIsLeftAlone(t *testing.T) {
	t.Parallel()
	tally, err := play(t, Options{Binary: control(t), Rounds: 25, Seed: 3, Floor: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	if tally.Failed() || tally.Rows == 0 || tally.Sums == 0 {
		t.Errorf("found %v in %d rows and %d sums", tally.Differing, tally.Rows, tally.Sums)
	}
}

var errFound = errors.New("found")

// One that takes its snapshot before its locks loses tables, and is found out; so
// is extract itself without them.
func TestCarelessExtractIsFoundOut(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		binary string
		floor  float64
	}{
		"the control": {control(t, "-ldflags", "-X main.careless=yes"), 0.1},
		"extract":     {build(t, "-tags", "lambda.norpc,careless", "./functions/extract"), 0.5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			root, err := s3.Root()
			if err != nil {
				t.Fatal(err)
			}
			found := map[referee.Kind]int{}
			tally, err := Run(ctx, Options{
				Root: root, Binary: c.binary, Rounds: 100, Seed: 3, Floor: c.floor, Evidence: t.TempDir(),
				OnFinding: func(_ int, f referee.Finding) {
					found[f.Kind] += f.Rows
					if f.Kind == referee.Lost {
						cancel(errFound)
					}
				},
			})
			if found[referee.Lost] == 0 || !errors.Is(err, errFound) {
				t.Errorf("found %v in %d rounds, %v", found, tally.Rounds, err)
			}
		})
	}
}

// A storm is too quiet when nothing was published, however little was lost: the
// control refuses incremental runs.
func TestRefusingEverythingIsNotEnough(t *testing.T) {
	t.Parallel()
	round := 1
	for draw(1, round).Kind != numbers {
		round++
	}
	tally, err := play(t, Options{Binary: control(t), Seed: 1, First: round, Rounds: 1})
	if !errors.Is(err, ErrTooQuiet) || tally.Failed() {
		t.Errorf("got %v and %v, want %v", err, tally.Differing, ErrTooQuiet)
	}
}

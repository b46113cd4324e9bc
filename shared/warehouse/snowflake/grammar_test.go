package snowflake

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stagelift/stagelift/local/snowflake/grammar"
)

// Whatever a load says is understood by a reader of Snowflake's documentation.
func TestStatementsAreSnowflakes(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		statements, err := grammar.Split(string(content))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, s := range statements {
			if _, err := (grammar.Rules{}).Parse(s.SQL, nil); err != nil {
				t.Errorf("%s: %v in %s", file, err, s.SQL)
			}
		}
	}
}

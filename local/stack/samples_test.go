package stack_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stagelift/stagelift/local/compare"
	"github.com/stagelift/stagelift/local/stack"
	"github.com/stagelift/stagelift/shared/table"
)

// shop is the sample shop with a hundredth of its rows or less.
func shop(t *testing.T) string {
	t.Helper()
	sql, err := os.ReadFile(filepath.Join(root(t), "local", "demo", "sample.sql"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("000) AS i", ") AS i", "599999", "599", "400000", "4000", "% 120000", "% 120").Replace(string(sql))
}

// anew are samples of runs that are not there.
var anew = []string{"extract-continue.json", "extract-repair.json", "extract-held-snapshot.json"}

// Every sample of an extraction can be run twice, and after every other: the
// targets hold the rows of the source, each once.
func TestSamplesRunTwiceInAnyOrder(t *testing.T) {
	t.Parallel()
	b := setup(t, stack.Options{Snowflake: true}, shop(t))
	samples, err := filepath.Glob(filepath.Join(root(t), "events", "extract-*.json"))
	if err != nil {
		t.Fatal(err)
	}
	samples = slices.DeleteFunc(samples, func(path string) bool { return slices.Contains(anew, filepath.Base(path)) })
	slices.Sort(samples)
	back := slices.Clone(samples)
	slices.Reverse(back)
	for _, path := range slices.Concat(samples, back) {
		request, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.tryExtract(string(request)); err != nil {
			t.Errorf("%s: %v", filepath.Base(path), err)
		}
		b.await()
		if t.Failed() {
			t.Fatalf("in %s", filepath.Base(path))
		}
	}
	b.wantEqual("public.customers", "public.products", "public.orders", `public."Order Items"`, "public.events", "public.stock", "public.reviews", "public.returns_2027")
	snowflake := connect(t, b.SnowflakeURL)
	for _, name := range []string{"customers", "products", "orders", "Order Items", "events", "stock", "reviews", "returns_2027"} {
		source, err := compare.Read(t.Context(), b.source, table.Name{Schema: "public", Table: name})
		if err != nil {
			t.Fatal(err)
		}
		result, err := source.Snowflake(t.Context(), snowflake)
		if err != nil {
			t.Error(err)
		} else if !result.Equal {
			t.Errorf("%s in Snowflake: %+v", name, result)
		}
	}
}

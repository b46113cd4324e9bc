package stack_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stagelift/stagelift/local/s3/door"
	"github.com/stagelift/stagelift/local/stack"
)

// Sixty-four slices of 1 KiB to 300 MiB, stored by the real server, become one
// object that is what printf and cat would make, and no more passes the door
// than the planner promises (see object.Plan).
func TestSlicesOfEverySizeBecomeOne(t *testing.T) {
	t.Parallel()
	var before *door.Door
	b := setup(t, stack.Options{Deaf: true, S3Endpoint: func(endpoint string) (string, error) {
		var err error
		before, err = door.Open(t.Context(), endpoint)
		return before.Endpoint(), err
	}}, "")
	t.Cleanup(func() { _ = before.Close() })
	random := rand.New(rand.NewPCG(5, 64))
	largest := []byte(strings.Repeat("1234567,89012345,678901234567890\n", 300*mib/33))
	var keys []string
	var bound int64
	meets := true // the header is the first that is small
	for i := range 64 {
		// Evenly over the orders of magnitude, and one as large as any.
		size := int(1024 * math.Pow(300<<10, random.Float64()))
		if i == 40 {
			size = len(largest)
		}
		size -= size % 33
		keys = append(keys, fmt.Sprintf("unload/run/p_%04d_part_00", i))
		b.put(keys[i], largest[i%7*33:][:size-i%7*33]) // so that no two begin alike in number
		bound += 8 << 10                               // what is looked at of each
		switch {
		case size <= 5*mib:
			bound, meets = bound+int64(size), true
		case meets:
			bound, meets = bound+10*mib, false
		}
	}
	list, err := json.Marshal(keys)
	if err != nil {
		t.Fatal(err)
	}
	before.Reset()
	got := b.askHeader(`{"bucket":"stagelift-stage","keys":` + string(list) +
		`,"merge":true,"header":["id","customer","total"],"destination":{"key":"headed/merged.csv"}}`).Objects[0]
	if passed := before.Total(); passed.Out > bound+mib || got.Downloaded > bound {
		t.Errorf("%d bytes came from S3, the answer says %d, want %d at most", passed.Out, got.Downloaded, bound)
	}
	if got.Sources != 64 || got.Copied < got.Bytes/2 {
		t.Errorf("answer %+v", got)
	}
	pieces := []io.Reader{strings.NewReader("id,customer,total\n")}
	for _, key := range keys {
		source := b.open(key)
		t.Cleanup(func() { _ = source.Close() })
		pieces = append(pieces, source)
	}
	merged := b.open("headed/merged.csv")
	defer func() { _ = merged.Close() }()
	wantSameStream(t, merged, io.MultiReader(pieces...))
	b.wantSmall()
}

package header

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stagelift/stagelift/local/s3/door"
	"github.com/stagelift/stagelift/shared/object"
)

// slices stores slices of an UNLOAD and returns their keys.
func (b *bundle) slices(folder string, contents ...[]byte) []string {
	b.Helper()
	var keys []string
	for i, content := range contents {
		keys = append(keys, fmt.Sprintf("unload/%s/p_%04d_part_00", folder, i))
		b.put(keys[i], content)
	}
	return keys
}

// Sixty-four slices of every size become one object, in order, and no more is
// downloaded than the planner promises (see object.Plan): slices of up to 5 MiB,
// and less than 10 MiB wherever they meet larger ones.
func TestManySlicesBecomeOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	random := rand.New(rand.NewPCG(1, 2))
	var contents [][]byte
	want := []byte("id,n\n")
	var bound int64
	run := true // the header is the first small one
	for range 64 {
		size := 1 << (10 + random.IntN(11)) // 1 KiB to 1 MiB
		if random.IntN(6) == 0 {
			size = 5*mib + random.IntN(7*mib)
		}
		content := append(rows(size-1), '\n')
		contents = append(contents, content)
		want = append(want, content...)
		switch {
		case size <= 5*mib:
			bound, run = bound+int64(size)+sliceStart+10, true
		case run:
			bound, run = bound+10*mib, false
		}
	}
	keys := b.slices("run", contents...)
	b.put("unload/run/p_manifest", b.manifestOf([]string{"id", "n"}, keys...))
	b.door.Reset()
	headed := b.prepend(Request{Manifest: "unload/run/p_manifest", Merge: true, Delimiter: ","})
	if passed := b.door.Counts()["GetObject"].Out; passed > bound+64*(sliceStart+10)+startBytes || headed.Downloaded > bound+64*(sliceStart+10)+startBytes {
		t.Errorf("%d bytes were downloaded, at most %d are allowed; %+v", passed, bound, headed)
	}
	if headed.Copied == 0 || headed.Sources != 64 || headed.Destination != b.at("headed/run/p").String() {
		t.Errorf("%+v", headed)
	}
	b.wantContent("headed/run/p", "", want)
	if again := b.prepend(Request{Manifest: "unload/run/p_manifest", Merge: true, Delimiter: ","}); again.Skipped != "its copy is there already" {
		t.Errorf("the second time: %+v", again)
	}
}

// Lines are whole where slices meet, there is one header and one mark.
func TestMergeJoinsLines(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, c := range map[string]struct {
		slices []string
		want   string
	}{
		"no newline at the end": {[]string{"1,2", "3,4\n", "5,6"}, "id,n\n1,2\n3,4\n5,6"},
		"CRLF":                  {[]string{"1,2\r\n", "3,4", "5,6\r\n"}, "id,n\r\n1,2\r\n3,4\r\n5,6\r\n"},
		"empty ones":            {[]string{"", "1,2\n", "", "3,4\n", ""}, "id,n\n1,2\n3,4\n"},
		"nothing at all":        {[]string{"", ""}, "id,n\n"},
		"headers of their own":  {[]string{"id,n\n1,2\n", "id,n\r\n3,4\n", "id,n"}, "id,n\n1,2\n3,4\n"},
		"the second has one":    {[]string{"1,2\n", "\"id\",\"n\"\n3,4\n"}, "id,n\n1,2\n3,4\n"},
		"marks":                 {[]string{bom + "1,2\n", bom + "3,4\n"}, bom + "id,n\n1,2\n3,4\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := b.on(t)
			var contents [][]byte
			for _, s := range c.slices {
				contents = append(contents, []byte(s))
			}
			keys := b.slices(name, contents...)
			b.prepend(Request{Keys: keys, Merge: true, Header: []string{"id", "n"}, Destination: Destination{Key: "merged/" + name}})
			b.wantContent("merged/"+name, "", []byte(c.want))
		})
	}
	t.Run("of large slices", func(t *testing.T) {
		t.Parallel()
		b := b.on(t)
		first, second := bytes.TrimRight(rows(11*mib), "\n"), append([]byte("id,n\n"), rows(6*mib)...)
		keys := b.slices("large", first, second)
		b.prepend(Request{Keys: keys, Merge: true, Header: []string{"id", "n"}, Delimiter: ",", Destination: Destination{Key: "merged/large"}})
		b.wantContent("merged/large", "id,n\n", append(append(first, '\n'), rows(6*mib)...))
	})
}

func TestMergeOfCompressedSlices(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for program := range packers {
		contents := [][]byte{noise(1000), noise(20_000), []byte("3,4\n")}
		var packed [][]byte
		for _, c := range contents {
			packed = append(packed, pack(t, program, c))
		}
		keys := b.slices(program, packed...)
		for _, rewrite := range []bool{false, true} {
			to := fmt.Sprintf("merged/%s-%t", program, rewrite)
			b.prepend(Request{Keys: keys, Merge: true, Rewrite: rewrite, Header: []string{"id", "n"}, Destination: Destination{Key: to}})
			if got := unpack(t, program, b.get(to)); !bytes.Equal(got, append([]byte("id,n\n"), bytes.Join(contents, nil)...)) {
				t.Errorf("%s unpacks to %d bytes", to, len(got))
			}
		}
	}
	t.Run("with headers inside", func(t *testing.T) {
		b := b.on(t)
		keys := b.slices("headers", pack(t, "gzip", []byte("id,n\n1,2")), pack(t, "gzip", []byte("id,n\n3,4\n")))
		r := Request{Keys: keys, Merge: true, Header: []string{"id", "n"}, Destination: Destination{Key: "merged/headers"}}
		b.wantRefused(r, "merged/headers", keys[1]+" begins with the header inside of gzip", "ask for rewrite")
		r.Rewrite = true
		b.prepend(r)
		if got := unpack(t, "gzip", b.get("merged/headers")); string(got) != "id,n\n1,2\n3,4\n" {
			t.Errorf("it unpacks to %q", got)
		}
	})
	t.Run("and plain ones", func(t *testing.T) {
		b := b.on(t)
		keys := b.slices("mixed", pack(t, "gzip", []byte("1,2\n")), []byte("3,4\n"))
		b.wantRefused(Request{Keys: keys, Merge: true, Header: []string{"id", "n"}, Destination: Destination{Key: "merged/mixed"}}, "merged/mixed",
			keys[1]+": it is compressed with none, and", "with gzip; they cannot be one object")
	})
}

// A merge is of what the manifest lists, as it was when it was written.
func TestMergeOfWhatIsNotAsTheManifestSaysIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	keys := b.slices("run", []byte("1,2\n"), []byte("3,4\n"))
	b.put("unload/run/p_manifest", b.manifestOf([]string{"id", "n"}, keys...))
	r := Request{Manifest: "unload/run/p_manifest", Merge: true}
	b.put(keys[1], []byte("3,4,5\n"))
	b.wantRefused(r, "headed/run/p", keys[1]+" has 6 bytes, and manifest "+b.at("unload/run/p_manifest").String()+" says 4")
	b.remove(keys[1])
	b.wantRefused(r, "headed/run/p", keys[1]+": object not found")
	b.wantRefused(Request{Manifest: "unload/run/none", Merge: true}, "headed/run/p", "object not found")
	b.put("unload/run/text", []byte("1,2\n"))
	b.wantRefused(Request{Manifest: "unload/run/text", Merge: true}, "headed/run/p", "it is not the manifest of an UNLOAD")
}

// A slice that changes while slices are copied fails the merge.
func TestSliceThatChangesFailsTheMerge(t *testing.T) {
	t.Parallel()
	b := setup(t)
	keys := b.slices("run", rows(11*mib), rows(11*mib))
	b.door.Fail(onceBefore("UploadPartCopy", func() { b.put(keys[1], bytes.ToUpper(rows(11*mib))) }))
	_, err := b.ask(Request{Keys: keys, Merge: true, Header: []string{"id"}, Destination: Destination{Key: "merged/a"}})
	if err != nil {
		wantError(t, err, object.ErrChanged.Error())
		b.wantNothing("merged/a")
		return
	}
	// It changed after it was copied, and the copy was made again.
	b.wantContent("merged/a", "id\n", append(rows(11*mib), bytes.ToUpper(rows(11*mib))...))
}

func TestMergeThatIsDeniedLeavesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	keys := b.slices("run", rows(11*mib), rows(11*mib))
	b.door.Fail(fault("UploadPartCopy", door.Failure{Status: 403, Code: "AccessDenied"}))
	b.wantRefused(Request{Keys: keys, Merge: true, Header: []string{"id"}, Destination: Destination{Key: "merged/a"}}, "merged/a",
		"giving "+b.at("merged/a").String()+", of 2 slices, its header", "the function's role lacks a right on")
}

package header

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/stagelift/stagelift/local/s3/door"
)

// packers are the programs whose output, and whose reading of ours, counts.
var packers = map[string]string{"gzip": ".gz", "zstd": ".zst", "bzip2": ".bz2"}

func pack(t *testing.T, program string, text []byte) []byte {
	t.Helper()
	return pipe(t, text, program, "-c")
}

func unpack(t *testing.T, program string, packed []byte) []byte {
	t.Helper()
	return pipe(t, packed, program, "-dc")
}

func pipe(t *testing.T, in []byte, name string, arguments ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, arguments...)
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v", name, arguments, err)
	}
	return out
}

// noise does not compress.
func noise(lines int) []byte {
	var b strings.Builder
	x := uint64(88172645463325252)
	for range lines {
		for range 4 {
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
			fmt.Fprintf(&b, "%x", x)
		}
		b.WriteString(",1\n")
	}
	return []byte(b.String())
}

// What is compressed gets a header that is unpacked with it, into one text, and
// stays where it is but for its first part.
func TestCompressedStaysCompressed(t *testing.T) {
	t.Parallel()
	large := noise(205_000) // about 6.5 MB packed
	for program, extension := range packers {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			want := map[string][]byte{
				"a" + extension: rows(100_000), "without-suffix": []byte("1,2\n"), "nothing" + extension: nil, "large" + extension: large,
			}
			for key, text := range want {
				packed := pack(t, program, text)
				if key == "nothing"+extension {
					packed = nil
				}
				b.put("unload/"+key, packed)
				b.door.Reset()
				headed := b.prepend(Request{Key: "unload/" + key, Header: []string{"id", "total"}, Delimiter: ","})
				if got := unpack(t, program, b.get("headed/"+key)); !bytes.Equal(got, append([]byte("id,total\n"), text...)) {
					t.Errorf("%s unpacks to %d bytes, %.40q, want %d", key, len(got), got, len(text)+9)
				}
				if passed := b.door.Total(); key == "large"+extension && (passed.In > 6*mib || passed.Out > 6*mib || headed.Copied == 0) {
					t.Errorf("%s: %d bytes went to S3 and %d came from it; %+v", key, passed.In, passed.Out, headed)
				}
			}
		})
	}
	t.Run("whatever it is called", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.put("unload/plain.gz", []byte("1,2\n"))
		b.prepend(Request{Key: "unload/plain.gz", Header: []string{"id", "total"}})
		b.wantContent("headed/plain.gz", "id,total\n", []byte("1,2\n"))
		b.put("unload/bzh", []byte("BZh9,text\n"))
		b.prepend(Request{Key: "unload/bzh", Header: []string{"id", "total"}})
		b.wantContent("headed/bzh", "id,total\n", []byte("BZh9,text\n"))
	})
}

// A reader that stops after the first member sees all rows of what is rewritten.
func TestRewriteMakesOneMember(t *testing.T) {
	t.Parallel()
	for program, extension := range packers {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			key, text := "a"+extension, append([]byte(bom), noise(10_000)...)
			b.put("unload/"+key, append(pack(t, program, text[:1000]), pack(t, program, text[1000:])...))
			headed := b.prepend(Request{Key: "unload/" + key, Header: []string{"id", "n"}, Rewrite: true})
			packed := b.get("headed/" + key)
			if got := unpack(t, program, packed); !bytes.Equal(got, append([]byte(bom+"id,n\n"), text[3:]...)) {
				t.Errorf("it unpacks to %d bytes, %.40q", len(got), got)
			}
			if headed.Copied != 0 || headed.Bytes != int64(len(packed)) {
				t.Errorf("%+v", headed)
			}
			if n := members(t, program, packed); n != 1 {
				t.Errorf("%d members", n)
			}
			if again := b.prepend(Request{Key: "unload/" + key, Header: []string{"id", "n"}, Rewrite: true}); again.Skipped == "" {
				t.Errorf("the second time: %+v", again)
			}
		})
	}
}

// members counts by the first bytes of each, which hardly occur otherwise.
func members(t *testing.T, program string, packed []byte) int {
	t.Helper()
	if program == "gzip" {
		r, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		r.Multistream(false)
		var one bytes.Buffer
		if _, err := one.ReadFrom(r); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(one.Bytes(), unpack(t, program, packed)) {
			return 2
		}
		return 1
	}
	magic := map[string]string{"zstd": "\x28\xb5\x2f\xfd", "bzip2": "BZh91AY&SY"}[program]
	return bytes.Count(packed, []byte(magic))
}

// What cannot be left out of a compressed object by copying is refused, with the
// way to do it.
func TestMarkInsideOfCompressedIsLeftToRewrite(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put("unload/a.gz", pack(t, "gzip", []byte(bom+"1,2\n")))
	b.wantRefused(Request{Key: "unload/a.gz", Header: []string{"id", "n"}}, "headed/a.gz", "begins with a byte order mark inside of gzip", "ask for rewrite")
	b.prepend(Request{Key: "unload/a.gz", Header: []string{"id", "n"}, Rewrite: true})
	if got := unpack(t, "gzip", b.get("headed/a.gz")); string(got) != bom+"id,n\n1,2\n" {
		t.Errorf("it unpacks to %q", got)
	}
}

// What a line of text in front would spoil is left alone, compressed or not.
func TestWhatIsNotTextIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, c := range map[string]struct{ start, want string }{
		"xz":             {"\xfd7zXZ\x00\x00", "compressed with xz"},
		"lzop":           {"\x89LZO\x00\r\n\x1a\n", "compressed with lzop"},
		"lz4":            {"\x04\x22\x4d\x18", "compressed with lz4"},
		"snappy":         {"\xff\x06\x00\x00sNaPpY", "compressed with snappy"},
		"parquet":        {"PAR1\x15\x04\x15\x00", "it is Parquet"},
		"orc":            {"ORC\x08\x03\x00", "it is ORC"},
		"avro":           {"Obj\x01\x04", "it is Avro"},
		"json":           {"{\"a\": 1}\n", "it is JSON"},
		"json lines":     {"{\"a\": 1}\n{\"a\": 2}\n", "it is JSON"},
		"json list":      {"\n [\n  1,\n  2\n]\n", "it is JSON"},
		"json with mark": {bom + "{}", "it is JSON"},
		"utf-16":         {"\xff\xfei\x00d\x00", "not text in UTF-8: byte 3 is zero"},
		"json in gzip":   {string(pack(t, "gzip", []byte(`{"a":1}`))), "it is JSON"},
		"avro in zstd":   {string(pack(t, "zstd", []byte("Obj\x01\x04"))), "it is Avro"},
		"broken gzip":    {"\x1f\x8bnot gzip", "decompressing its start with gzip"},
	} {
		b.put("unload/"+name, []byte(c.start))
		b.wantRefused(Request{Key: "unload/" + name, Header: []string{"id"}}, "headed/"+name,
			"giving s3://"+b.job.Source.Bucket+"/unload/"+name+" its header", c.want)
	}
	for name, text := range map[string]string{"list in a field": "[1],2\n", "set in a field": "{1,2},3\n", "orc word": "ORC,1\n"} {
		b.put("unload/"+name, []byte(text))
		b.prepend(Request{Key: "unload/" + name, Header: []string{"a", "b"}, Delimiter: ","})
		b.wantContent("headed/"+name, "a,b\n", []byte(text))
	}
}

// A part of the copy of what is compressed fails as any other.
func TestRewriteLeavesNothingWhenItFails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	packed := pack(t, "gzip", noise(10_000))
	b.put("unload/a.gz", packed[:len(packed)-1000])
	b.wantRefused(Request{Key: "unload/a.gz", Header: []string{"id", "n"}, Rewrite: true}, "headed/a.gz", "rewriting with gzip", "unexpected EOF")
	b.put("unload/b.gz", packed)
	b.door.Fail(fault("PutObject", door.Failure{Status: 403, Code: "AccessDenied"}))
	b.wantRefused(Request{Key: "unload/b.gz", Header: []string{"id", "n"}, Rewrite: true}, "headed/b.gz", "AccessDenied")
}

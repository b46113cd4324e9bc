package encode_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/encode"
	"github.com/stagelift/stagelift/shared/encode/copybinary"
	"github.com/stagelift/stagelift/shared/table"
)

// fitFields are an id without a limit, a text of 10 bytes and one of 4 that is
// nothing that may be cut.
func fitFields() ([]table.Field, []table.Limit) {
	return []table.Field{jsonField("id", table.WireInt64, table.JSONNumber), jsonField("note", table.WireText, table.JSONString), jsonField("doc", table.WireText, table.JSONString)},
		[]table.Limit{{}, {Bytes: 10, Target: "redshift", Cut: true}, {Bytes: 4, Target: "snowflake"}}
}

func TestValuesAreMadeToFit(t *testing.T) {
	t.Parallel()
	fields, limits := fitFields()
	id := binary.BigEndian.AppendUint64(nil, 7)
	for name, c := range map[string]struct {
		tooLong   string
		note, doc []byte
		want      []string
		refused   string
		truncated int64
		nulled    int64
		unaltered bool
	}{
		"fits":               {encode.Truncate, []byte("0123456789"), []byte("abcd"), []string{"0123456789", "abcd"}, "", 0, 0, true},
		"cut":                {encode.Truncate, []byte("0123456789x"), []byte("a"), []string{"0123456789", "a"}, "", 1, 0, false},
		"cut at a character": {encode.Truncate, []byte("012345678ß"), nil, []string{"012345678", "NULL"}, "", 1, 0, false},
		"cut to nothing":     {encode.Truncate, []byte("012345678\xf0\x9f\x98\x80"), []byte(""), []string{"012345678", ""}, "", 1, 0, false},
		"no text to cut":     {encode.Truncate, []byte("a"), []byte("abcde"), nil, `column "doc" holds a value of 5 bytes in the row id=7; snowflake takes at most 4`, 0, 0, true},
		"null":               {encode.Nullify, []byte("0123456789x"), []byte("abcd"), []string{"NULL", "abcd"}, "", 0, 1, false},
		"both null":          {encode.Nullify, []byte("0123456789x"), []byte("abcde"), []string{"NULL", "NULL"}, "", 0, 1, false},
		"refused":            {encode.Refuse, []byte("0123456789x"), nil, nil, `column "note" holds a value of 11 bytes in the row id=7; redshift takes at most 10`, 0, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fit := encode.NewFit(fields, limits, []string{encode.Refuse, c.tooLong, c.tooLong}, []int{0})
			row, err := fit.Row(binaryRow(id, c.note, c.doc))
			if c.refused != "" {
				outside, ok := errors.AsType[*encode.RangeError](err)
				if !ok || !outside.TooLong || err.Error() != c.refused {
					t.Errorf("error is %v, want %s", err, c.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			values := make([][]byte, 3)
			if err := copybinary.Split(row, values); err != nil {
				t.Fatal(err)
			}
			got := []string{}
			for _, v := range values[1:] {
				if v == nil {
					got = append(got, "NULL")
				} else {
					got = append(got, string(v))
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			taken := fit.Take()
			if n := taken["note"]; n.Truncated != c.truncated || n.Nulled != c.nulled || (taken == nil) != c.unaltered {
				t.Errorf("counted %+v", taken)
			}
			if fit.Take() != nil {
				t.Error("counted twice")
			}
		})
	}
}

// A length that a column was given counts characters.
func TestTextsAreCutToCharacters(t *testing.T) {
	t.Parallel()
	fields, _ := fitFields()
	for note, want := range map[string]string{"ßßß": "ßßß", "ßßßß": "ßßß", "abcd": "abc", "abc": "abc", "\xf0\x9f\x98\x80abc": "\xf0\x9f\x98\x80ab"} {
		fit := encode.NewFit(fields, []table.Limit{{}, {Characters: 3, Cut: true}, {}}, []string{encode.Truncate, encode.Truncate, encode.Truncate}, nil)
		values := make([][]byte, 3)
		row, err := fit.Row(binaryRow([]byte("12345678"), []byte(note), nil))
		if err := errors.Join(err, copybinary.Split(row, values)); err != nil {
			t.Fatal(err)
		}
		if string(values[1]) != want {
			t.Errorf("%q became %q, want %q", note, values[1], want)
		}
	}
	fit := encode.NewFit(fields, []table.Limit{{}, {Characters: 3}, {}}, []string{encode.Refuse, encode.Refuse, encode.Refuse}, nil)
	if _, err := fit.Row(binaryRow(nil, []byte("abcd"), nil)); err == nil || err.Error() != `column "note" holds a value of 4 bytes; its text takes at most 3 characters` {
		t.Error(err)
	}
}

// Whatever a row is, every value of it is within its limit afterwards or the row
// is refused; one that was is what it was.
func FuzzFit(f *testing.F) {
	f.Add([]byte("a note that is long"), []byte("doc"), true)
	f.Add([]byte("ßßßßßßßßß"), []byte("document"), false)
	fields, limits := fitFields()
	f.Fuzz(func(t *testing.T, note, doc []byte, null bool) {
		policy := encode.Truncate
		if null {
			policy = encode.Nullify
		}
		whole := binaryRow([]byte("12345678"), note, doc)
		row, err := encode.NewFit(fields, limits, []string{policy, policy, policy}, nil).Row(whole)
		if err != nil {
			if null || len(doc) <= 4 {
				t.Fatal(err)
			}
			return
		}
		was, is := make([][]byte, 3), make([][]byte, 3)
		if err := errors.Join(copybinary.Split(whole, was), copybinary.Split(row, is)); err != nil {
			t.Fatal(err)
		}
		for i, limit := range limits {
			switch {
			case limit.Bytes > 0 && len(is[i]) > limit.Bytes:
				t.Errorf("field %d has %d bytes, at most %d are taken", i, len(is[i]), limit.Bytes)
			case (limit.Bytes == 0 || len(was[i]) <= limit.Bytes) && !bytes.Equal(was[i], is[i]):
				t.Errorf("field %d was %q and is %q", i, was[i], is[i])
			case !strings.HasPrefix(string(was[i]), string(is[i])):
				t.Errorf("field %d was %q and is %q", i, was[i], is[i])
			}
		}
	})
}

func BenchmarkFit(b *testing.B) {
	fields, row := wideRow()
	limits, policies := make([]table.Limit, len(fields)), make([]string, len(fields))
	for i := range limits {
		limits[i] = table.Limit{Bytes: 65535}
	}
	fit := encode.NewFit(fields, limits, policies, nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := fit.Row(row); err != nil {
			b.Fatal(err)
		}
	}
}

package referee_test

import (
	"testing"

	"github.com/stagelift/stagelift/local/storm/referee"
)

func TestMomentSeesWhatHadEnded(t *testing.T) {
	t.Parallel()
	m := moment(t, "10:20:10,14,19")
	for xid, want := range map[uint64]bool{3: true, 9: true, 10: false, 11: true, 14: false, 18: true, 19: false, 20: false, 21: false} {
		if got := m.Sees(xid); got != want {
			t.Errorf("transaction %d: %v, want %v", xid, got, want)
		}
	}
	if !referee.Latest.Sees(1 << 60) {
		t.Error("the latest moment does not see everything")
	}
}

func FuzzMomentReadsBackAsItWas(f *testing.F) {
	for _, text := range []string{"762:765:", "10:20:10,14", "", "1:2", "a:b:c", "1:2:x", "18446744073709551615:1:1,"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := referee.ParseMoment(text)
		if err != nil {
			return
		}
		again, err := referee.ParseMoment(m.String())
		if err != nil || again.String() != m.String() {
			t.Errorf("%q became %q and %q, %v", text, m, again, err)
		}
	})
}

// All formats write the same value in ways of their own.
func TestValuesAreTheSameInEveryFormat(t *testing.T) {
	t.Parallel()
	log := setup(t)
	p := published(t, "s.a", filled, nil)
	for _, at := range []string{"2026-01-01 00:00:01+00", "2026-01-01T00:00:01+00:00", "2026-01-01T00:00:01.000000Z", "2026-01-01T00:00:01.000000", "2026-01-01 02:00:01+02"} {
		p.Rows = append(rows(2, 3, 4, 5), referee.Doc{"id": "1", "v": "first", "at": at})
		wantKinds(t, log.Judge(p), nil)
	}
	p.Rows = append(rows(2, 3, 4, 5), referee.Doc{"id": "1", "v": "first", "at": "2026-01-01 00:00:01.000001+00"})
	wantKinds(t, log.Judge(p), map[referee.Kind]int{referee.Wrong: 1})
}

func TestFoldShortensWhatRepeatsAndNothingElse(t *testing.T) {
	t.Parallel()
	const md5 = "c4ca4238a0b923820dcc509a6f75849b"
	for text, want := range map[string]string{
		md5 + md5 + md5:                          md5 + "*3",
		md5 + md5 + "*":                          md5 + md5 + "*",
		md5:                                      md5,
		md5 + "*3":                               md5 + "*3",
		md5 + "c4ca4238a0b923820dcc509a6f75849c": md5 + "c4ca4238a0b923820dcc509a6f75849c",
		"2026-11-27T22:37:58.800422+00:00":       "2026-11-27T22:37:58.800422+00:00",
		"":                                       "",
	} {
		if got := referee.Fold(text); got != want {
			t.Errorf("%s became %s, want %s", text, got, want)
		}
	}
}

package table_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/table"
)

func TestNamePrintsAsSQLWouldNeedIt(t *testing.T) {
	t.Parallel()
	for want, name := range map[string]table.Name{
		`public.orders`:           {Schema: "public", Table: "orders"},
		`public."Order Items"`:    {Schema: "public", Table: "Order Items"},
		`"Sales"."say ""hello"""`: {Schema: "Sales", Table: `say "hello"`},
		`public."2024"`:           {Schema: "public", Table: "2024"},
		`a.b$2`:                   {Schema: "a", Table: "b$2"},
		`"a.b"."c*d"`:             {Schema: "a.b", Table: "c*d"},
		`public."größe"`:          {Schema: "public", Table: "größe"},
	} {
		if got := name.String(); got != want {
			t.Errorf("%#v prints as %s, want %s", name, got, want)
		}
		got, err := table.ParseName(want)
		if err != nil {
			t.Errorf("ParseName(%s): %v", want, err)
		}
		if diff := cmp.Diff(name, got); diff != "" {
			t.Errorf("ParseName(%s) (-want +got):\n%s", want, diff)
		}
	}
}

func TestNameIsQuotedInSQL(t *testing.T) {
	t.Parallel()
	name := table.Name{Schema: `pub"lic`, Table: "Robert'); DROP TABLE students;--"}
	want := `"pub""lic"."Robert'); DROP TABLE students;--"`
	if got := name.SQL(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestPatternSelects(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern string
		exact   bool
		yes, no []table.Name
	}{
		{
			pattern: "public.*",
			yes:     []table.Name{{"public", "orders"}, {"public", "Order Items"}, {"public", "a.b"}, {"public", "two\nlines"}},
			no:      []table.Name{{"Public", "orders"}, {"public2", "orders"}},
		},
		{
			pattern: "*.log_?",
			yes:     []table.Name{{"a", "log_1"}, {"a.b", "log_é"}},
			no:      []table.Name{{"a", "log_10"}, {"a", "log_"}},
		},
		{
			pattern: `public."100%*"`, exact: true,
			yes: []table.Name{{"public", "100%*"}},
			no:  []table.Name{{"public", "100%x"}},
		},
		{
			pattern: `public.a+b`, exact: true,
			yes: []table.Name{{"public", "a+b"}},
			no:  []table.Name{{"public", "aab"}},
		},
	} {
		t.Run(c.pattern, func(t *testing.T) {
			t.Parallel()
			p, err := table.ParsePattern(c.pattern)
			if err != nil {
				t.Fatal(err)
			}
			if p.Exact() != c.exact {
				t.Errorf("Exact() is %v, want %v", p.Exact(), c.exact)
			}
			for _, name := range c.yes {
				if !p.Matches(name) {
					t.Errorf("does not match %s", name)
				}
			}
			for _, name := range c.no {
				if p.Matches(name) {
					t.Errorf("matches %s", name)
				}
			}
		})
	}
}

func TestPatternRefusesWhatIsNoTableName(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "orders", "a.b.c", ".orders", "public.", `public."open`, `public.""`, `pub"lic.x`, `"a"b.c`, "public.\xff"} {
		if _, err := table.ParsePattern(s); err == nil {
			t.Errorf("pattern %q was taken", s)
		}
	}
}

// A name, printed, is a pattern that matches it, and reads back as itself.
func FuzzNameThereAndBack(f *testing.F) {
	f.Add("public", "orders", "public", "Orders")
	f.Add(`a.b`, `"`, `a`, `b`)
	f.Add("*", "?", "x", "y")
	f.Add("ünï", "名前", "", " ")
	f.Fuzz(func(t *testing.T, schema, name, otherSchema, otherName string) {
		if schema == "" || name == "" || !utf8.ValidString(schema) || !utf8.ValidString(name) {
			return
		}
		n := table.Name{Schema: schema, Table: name}
		back, err := table.ParseName(n.String())
		if err != nil || back != n {
			t.Fatalf("%#v prints as %s and reads back as %#v, %v", n, n, back, err)
		}
		p, err := table.ParsePattern(n.String())
		if err != nil {
			t.Fatal(err)
		}
		other := table.Name{Schema: otherSchema, Table: otherName}
		if !p.Exact() || !p.Matches(n) || p.Matches(other) != (other == n) {
			t.Fatalf("pattern %s: exact %v, matches itself %v, matches %s %v", p, p.Exact(), p.Matches(n), other, p.Matches(other))
		}
	})
}

// Matching agrees with a matcher written the plain way.
func FuzzPatternAgainstPlainMatcher(f *testing.F) {
	f.Add("orders", "orders")
	f.Add("o*d*s", "orders")
	f.Add("a*a*a?a*b", "aaaaaaaaaaaaaaaa")
	f.Add("[a-z]+", "orders")
	f.Fuzz(func(t *testing.T, half, name string) {
		if half == "" || len(half)+len(name) > 30 || strings.ContainsAny(half, `".`) || !utf8.ValidString(half) || !utf8.ValidString(name) {
			return
		}
		p, err := table.ParsePattern("x." + half)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := p.Matches(table.Name{Schema: "x", Table: name}), matches([]rune(half), []rune(name)); got != want {
			t.Fatalf("pattern %q on %q: %v, want %v", half, name, got, want)
		}
	})
}

func matches(pattern, s []rune) bool {
	switch {
	case len(pattern) == 0:
		return len(s) == 0
	case pattern[0] == '*':
		return matches(pattern[1:], s) || len(s) > 0 && matches(pattern, s[1:])
	case len(s) == 0:
		return false
	}
	return (pattern[0] == '?' || pattern[0] == s[0]) && matches(pattern[1:], s[1:])
}

func FuzzQuote(f *testing.F) {
	f.Add(`plain`)
	f.Add(`with "quotes" and ; -- more`)
	f.Fuzz(func(t *testing.T, s string) {
		q := table.Quote(s)
		if q[0] != '"' || q[len(q)-1] != '"' {
			t.Fatalf("%q is not quoted", q)
		}
		var back []byte
		for inner := q[1 : len(q)-1]; inner != ""; inner = inner[1:] {
			if inner[0] == '"' {
				if len(inner) < 2 || inner[1] != '"' {
					t.Fatalf("%q has a lone quote inside", q)
				}
				inner = inner[1:]
			}
			back = append(back, inner[0])
		}
		if string(back) != s {
			t.Fatalf("%q reads back as %q", s, back)
		}
	})
}

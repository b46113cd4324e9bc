package redshift

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// What cannot be loaded exactly is refused before anything is asked.
func TestLoadsThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		bend func(*warehouse.Load)
		want string
	}{
		"compression":            {func(l *warehouse.Load) { l.Format.Compression = "lzop" }, `compression "lzop"`},
		"format":                 {func(l *warehouse.Load) { l.Format.Name = "avro" }, `format "avro"`},
		"two delimiters":         {func(l *warehouse.Load) { l.Format.Delimiter = "||" }, `delimiter "||"`},
		"null with a backslash":  {func(l *warehouse.Load) { l.Format.Null = `\x` }, `\N can be loaded`},
		"a system column":        {func(l *warehouse.Load) { l.Columns[1].Name = "Ctid" }, `column "Ctid" has the name of one of Redshift's system columns`},
		"a control character":    {func(l *warehouse.Load) { l.Columns[1].Name = "a\nb" }, `name "a\nb" has a control character`},
		"a backslash":            {func(l *warehouse.Load) { l.Target.Table = `a\b` }, "has a backslash in it"},
		"an added column's name": {func(l *warehouse.Load) { l.AddRun = true; l.Columns[1].Name = warehouse.RunColumn }, `the load adds column "_stagelift_run"`},
		"a mark's name":          {func(l *warehouse.Load) { swept(l, true); l.Columns[1].Name = "_Deleted_At"; l.Keys = l.Keys[:1] }, `the load adds column "_deleted_at"`},
		"a grant to nobody":      {func(l *warehouse.Load) { l.Grants = []string{"PUBLIC"} }, `grant "PUBLIC": want ROLE, USER or GROUP`},
		"a policy":               {func(l *warehouse.Load) { l.Changes = "strict" }, `schema_changes "strict": want evolve, add or freeze`},
		"a swap of an append":    {func(l *warehouse.Load) { l.Swap = true }, "swap and recreate replace a table, and mode is append"},
		"a sweep of an append":   {func(l *warehouse.Load) { l.Sweep = &warehouse.Sweep{} }, "a sweep needs a merge with keys"},
		"a sweep of other rows":  {func(l *warehouse.Load) { swept(l, true); l.Filter = "total > 7" }, "the keys of other rows"},
		"a sweep of no files":    {func(l *warehouse.Load) { swept(l, true); l.Sweep.Manifest = "" }, "77 keys are staged, but no manifest"},
		"an option of COPY":      {func(l *warehouse.Load) { l.Copy = map[string]string{"IGNOREALLERRORS": "TRUE"} }, `COPY option "IGNOREALLERRORS": of csv Redshift's loads take ACCEPTINVCHARS, BLANKSASNULL`},
		"an option of CSV":       {func(l *warehouse.Load) { jsonl(l); l.Copy = map[string]string{"FILLRECORD": "TRUE"} }, `COPY option "FILLRECORD": of jsonl`},
		"a flag's value":         {func(l *warehouse.Load) { l.Copy = map[string]string{"FILLRECORD": "yes"} }, `COPY option FILLRECORD is "yes": want TRUE or FALSE`},
		"a text's value":         {func(l *warehouse.Load) { l.Copy = map[string]string{"DATEFORMAT": `\'`} }, `without control characters and backslashes`},
		"too many bad rows":      {func(l *warehouse.Load) { l.BadRows = new(int64(100_000)) }, "want 0 to 99999"},
		"bad rows of Parquet":    {func(l *warehouse.Load) { parquet(l); l.BadRows = new(int64(1)) }, "of Parquet COPY forgives no bad row"},
		"a name too long":        {func(l *warehouse.Load) { l.Columns[0].Name = strings.Repeat("x", 128) }, "128 bytes"},
		"a table too long":       {func(l *warehouse.Load) { l.Target.Table = strings.Repeat("x", 128) }, "128 bytes"},
		"no keys":                {func(l *warehouse.Load) { l.Mode = warehouse.Merge }, "needs keys"},
		"keys of no column":      {func(l *warehouse.Load) { merge(l); l.Keys = []string{"nr"} }, `"nr" is named for the load`},
		"a layout of no column":  {func(l *warehouse.Load) { l.Layout.SortKeys = []string{"nr"} }, `"nr" is named for the load`},
		"mode":                   {func(l *warehouse.Load) { l.Mode = "upsert" }, `mode "upsert"`},
		"digits lost in JSON":    {func(l *warehouse.Load) { jsonl(l); l.Columns[1].Type = "numeric(18,2)" }, "which keep 15 digits"},
		"numbers without end":    {func(l *warehouse.Load) { jsonl(l); l.Columns[1].Type = "numeric" }, "which keep 15 digits"},
		"too many columns": {func(l *warehouse.Load) {
			for range 1600 {
				l.Columns = append(l.Columns, table.Column{Name: strings.Repeat("n", 40) + string(rune('一'+len(l.Columns))), Type: "timestamp with time zone"})
			}
		}, "the Data API takes 100000"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := load()
			c.bend(&l)
			w, err := New(aws.Config{}, config())
			if err != nil {
				t.Fatal(err)
			}
			_, err = w.Begin(t.Context(), l) // nothing is listening
			wantError(t, err, "loading public.", c.want, "nothing was changed")
		})
	}
}

func TestConfigurationIsChecked(t *testing.T) {
	t.Parallel()
	_, err := New(aws.Config{}, Config{Workgroup: "w", ClusterID: "c"})
	wantError(t, err, "one of a workgroup and a cluster", "database, COPY role, ledger schema and region")
}

func TestKindsThatHoldOthers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		have, want string
		holds      bool
	}{
		"the same":                  {"BOOLEAN", "BOOLEAN", true},
		"longer text":               {"VARCHAR(40)", "VARCHAR(39)", true},
		"shorter text":              {"VARCHAR(39)", "VARCHAR(40)", false},
		"a wider integer":           {"BIGINT", "SMALLINT", true},
		"a narrower integer":        {"SMALLINT", "INTEGER", false},
		"more digits":               {"DECIMAL(14,2)", "DECIMAL(12,2)", true},
		"digits moved":              {"DECIMAL(14,4)", "DECIMAL(14,2)", false},
		"fewer behind the point":    {"DECIMAL(14,1)", "DECIMAL(12,2)", false},
		"an integer in a decimal":   {"DECIMAL(12,2)", "INTEGER", true},
		"an integer too wide":       {"DECIMAL(11,2)", "INTEGER", false},
		"a decimal in an integer":   {"BIGINT", "DECIMAL(5,0)", false},
		"a double for a real":       {"DOUBLE PRECISION", "REAL", true},
		"a real for a double":       {"REAL", "DOUBLE PRECISION", false},
		"a date for a time":         {"DATE", "TIMESTAMP", false},
		"text for SUPER":            {"VARCHAR(65535)", "SUPER", false},
		"a timestamp without zones": {"TIMESTAMP", "TIMESTAMPTZ", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			have, err := parseKind(c.have)
			if err != nil {
				t.Fatal(err)
			}
			want, err := parseKind(c.want)
			if err != nil {
				t.Fatal(err)
			}
			if have.holds(want) != c.holds {
				t.Errorf("%s holds %s: %t", c.have, c.want, !c.holds)
			}
		})
	}
}

// FuzzHandle: what is read as a handle is written the same.
func FuzzHandle(f *testing.F) {
	f.Add("load.1.d9b6c0c9-0747-4bf4-b142-e8883122f766")
	f.Add("errors.12x.a-b.c-d")
	f.Add("wish.12.a-b.3" + notes{Created: true, Changes: []warehouse.Change{{Kind: "added", Column: "n"}}}.encode())
	f.Fuzz(func(t *testing.T, handle string) {
		at, err := parseStep(handle)
		if err != nil {
			return
		}
		again, err := parseStep(at.String())
		if diff := cmp.Diff(at, again, cmp.AllowUnexported(step{})); err != nil || diff != "" {
			t.Errorf("%q became %q, and %+v, %v", handle, at, again, err)
		}
	})
}

// FuzzQuote: no text gets out of its quotes.
func FuzzQuote(f *testing.F) {
	f.Add(`O'Neil\'; DROP TABLE t; --`)
	f.Fuzz(func(t *testing.T, s string) {
		literal := quote(s)
		inner := strings.ReplaceAll(literal[1:len(literal)-1], "''", "")
		if strings.ContainsAny(inner, `'\`) {
			t.Errorf("%q became %s", s, literal)
		}
	})
}

package stage

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/stagelift/stagelift/shared/table"
)

// Columns that a load adds to a target, beside those that were read.
const (
	RunColumn       = "_stagelift_run"
	LoadedAtColumn  = "_stagelift_loaded_at"
	DeletedAtColumn = "_deleted_at"
)

// loadWords are those that fields of Load may hold; all but mode may be empty.
var loadWords = []struct {
	field string
	of    func(Load) string
	words []string
	want  string
}{
	{"mode", func(l Load) string { return l.Mode }, []string{"append", "replace", "merge"}, "append, replace or merge"},
	{"deletes", func(l Load) string { return l.Deletes }, []string{"hard", "soft"}, "hard, soft or keep"},
	{"schema_changes", func(l Load) string { return l.SchemaChanges }, []string{"evolve", "add", "freeze"}, "evolve, add or freeze"},
	{"names", func(l Load) string { return l.Names }, []string{"as_is", "upper", "lower"}, "as_is, upper or lower"},
}

// GrantShape is who may be granted something: ROLE, USER or GROUP, and a name,
// without quotes (its second group) or an exact one in quotes (its third).
var GrantShape = regexp.MustCompile(`^(?i:(ROLE|USER|GROUP)) +(?:([A-Za-z_][A-Za-z0-9_$]*)|"((?:[^"\x00-\x1f]|"")+)")$`)

// Check finds words that a load cannot say, and those that exclude each other. It
// does not look at the table: which modes go with what is left to those who know it.
func (l Load) Check() error {
	var problems []error
	for _, w := range loadWords {
		if word := w.of(l); (word != "" || w.field == "mode") && !slices.Contains(w.words, word) {
			problems = append(problems, fmt.Errorf("load.%s is %q, want %s", w.field, word, w.want))
		}
	}
	for i, word := range l.Add {
		if word != "run" && word != "loaded_at" {
			problems = append(problems, fmt.Errorf("load.add[%d] is %q, want run or loaded_at", i, word))
		}
		if slices.Contains(l.Add[:i], word) {
			problems = append(problems, fmt.Errorf("load.add[%d] is %q, which is there before", i, word))
		}
	}
	for i, grant := range l.Grants {
		if !GrantShape.MatchString(grant) {
			problems = append(problems, fmt.Errorf(`load.grants[%d] is %q, want ROLE, USER or GROUP and a name, as in "ROLE reporting"`, i, grant))
		}
	}
	if l.Recreate && (l.SchemaChanges == "freeze" || l.SchemaChanges == "add") {
		problems = append(problems, fmt.Errorf("load.recreate changes types, and load.schema_changes %s forbids it; leave one of them out", l.SchemaChanges))
	}
	return errors.Join(problems...)
}

// Added are the columns that the load adds.
func (l Load) Added() []string {
	var list []string
	for _, word := range l.Add {
		switch word {
		case "run":
			list = append(list, RunColumn)
		case "loaded_at":
			list = append(list, LoadedAtColumn)
		}
	}
	if l.Deletes == "soft" {
		list = append(list, DeletedAtColumn)
	}
	return list
}

// checkCover finds what a receipt cannot say of what it covers.
func (r Receipt) checkCover() error {
	var problems []error
	read := func(name string) bool {
		return slices.ContainsFunc(r.Columns, func(c table.Column) bool { return c.Name == name })
	}
	for i, name := range r.Absent {
		switch {
		case name == "" || slices.Contains(r.Absent[:i], name):
			problems = append(problems, fmt.Errorf("absent names %q, which is no name or is there twice", name))
		case read(name):
			problems = append(problems, fmt.Errorf("absent names column %q, which is among the columns", name))
		}
	}
	if s := r.Sweep; s != nil {
		keys := r.Load.Keys
		if len(keys) == 0 {
			keys = r.PrimaryKey
		}
		problems = append(problems, checkTotals(s.Parts, s.Rows, s.Bytes))
		if r.Load.Mode != "merge" || r.Load.Deletes == "" || len(keys) == 0 || slices.ContainsFunc(keys, func(k string) bool { return !read(k) }) {
			problems = append(problems, errors.New("a sweep is there, which needs load.mode merge, load.deletes and a key among the columns"))
		}
		if s.Filter != r.Filter {
			problems = append(problems, errors.New("the sweep has another filter than the rows"))
		}
	}
	return errors.Join(problems...)
}

package fault_test

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"testing"

	"github.com/stagelift/stagelift/shared/fault"
)

// Every code is explained, and nothing is explained that is none.
func TestDocumentHasEveryCode(t *testing.T) {
	t.Parallel()
	read := func(name string) string {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	document := read("../../docs/errors.md")
	codes := map[string]bool{}
	for _, found := range regexp.MustCompile(`(?m)^\t[A-Z]\w* Code = "(\w+)"`).FindAllStringSubmatch(read("fault.go")+read("load.go"), -1) {
		code := fault.Code(found[1])
		codes[found[1]], codes[code.Type()] = true, true
		row := regexp.MustCompile("(?m)^\\|[^|]*`(" + string(code) + "|" + code.Type() + ")`[^|]*\\|")
		if !row.MatchString(document) {
			t.Errorf("docs/errors.md does not explain %s", code)
		}
	}
	if len(codes) < 50 {
		t.Fatalf("only %d codes were found", len(codes)/2)
	}
	for _, row := range regexp.MustCompile("(?m)^\\| *((?:`\\w+`(?:, )?)+) *\\|").FindAllStringSubmatch(document, -1) {
		for _, name := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(row[1], -1) {
			if !codes[name[1]] && name[1] != "code" && name[1] != "errorType" {
				t.Errorf("docs/errors.md explains %s, which is no code", name[1])
			}
		}
	}
}

func TestErrorSaysWhatHappenedAndWhatToDo(t *testing.T) {
	t.Parallel()
	cause := errors.New("the cause")
	inner := fault.New(fault.Locked, "wait", "held: %w", cause)
	outer := fmt.Errorf("table t: %w", inner)
	if got := outer.Error(); got != "table t: held: the cause; wait" {
		t.Errorf("it says %q", got)
	}
	if fault.CodeOf(outer, fault.Internal) != fault.Locked || fault.MendOf(outer) != "wait" || !errors.Is(outer, cause) {
		t.Errorf("%v has code %s and mend %q", outer, fault.CodeOf(outer, ""), fault.MendOf(outer))
	}
	if got := fault.CodeOf(cause, fault.Source); got != fault.Source || fault.MendOf(cause) != "" {
		t.Errorf("another error has code %s", got)
	}
	if got := fault.Coded(outer, fault.Source); fault.CodeOf(got, "") != fault.Locked {
		t.Error("a code is replaced by a vaguer one")
	}
	if got := fault.Coded(cause, fault.Source); fault.CodeOf(got, "") != fault.Source || !errors.Is(got, cause) {
		t.Error("an error without a code gets none")
	}
	if fault.Coded(nil, fault.Source) != nil {
		t.Error("nothing becomes an error")
	}
}

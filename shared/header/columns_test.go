package header

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stagelift/stagelift/local/s3/door"
	"github.com/stagelift/stagelift/shared/object"
)

// manifestOf is the text of a manifest; without names it is one that is not
// VERBOSE.
func (b *bundle) manifestOf(names []string, keys ...string) []byte {
	b.Helper()
	var entries, elements []string
	for _, key := range keys {
		size := ""
		if a, err := b.store.Stat(b.Context(), b.at(key)); err == nil && names != nil {
			size = fmt.Sprintf(`,"meta":{"content_length":%d}`, a.Size)
		}
		entries = append(entries, fmt.Sprintf(`{"url":%q%s}`, b.at(key).String(), size))
	}
	for _, name := range names {
		elements = append(elements, fmt.Sprintf(`{"name":%q,"type":{"base":"character varying", 25}}`, name))
	}
	schema := ""
	if names != nil {
		schema = `,"schema":{"elements":[` + strings.Join(elements, ",") + `]}`
	}
	return []byte(`{"entries":[` + strings.Join(entries, ",") + "]" + schema + "}")
}

// Each place that is not there leaves the header to the next.
func TestHeaderIsLookedForInOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const key = "unload/year/run/p_0000_part_00"
	_, err := b.store.Compose(t.Context(), b.at(key), []object.Segment{{Bytes: []byte("1,2\n")}}, object.ComposeOptions{
		Headers: object.Headers{Metadata: map[string]string{columnsKey: `own,"with,comma"`}},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.put("unload/_header", []byte("top,line\r\n"))
	b.put("unload/year/_header", []byte(bom+"year,line"))
	b.put("unload/year/run/p_manifest", b.manifestOf([]string{"beside", "it"}, key))
	for _, step := range []struct {
		request      Request
		remove       string
		want, header string
	}{
		{Request{Header: []string{"asked", "for"}}, "", "the request", "asked,for\n"},
		{Request{}, "unload/year/run/p_manifest", "manifest " + b.at("unload/year/run/p_manifest").String(), "beside,it\n"},
		{Request{}, "unload/year/_header", "object " + b.at("unload/year/_header").String(), "year,line\n"},
		{Request{}, "unload/_header", "object " + b.at("unload/_header").String(), "top,line\n"},
		{Request{}, "", "its metadata", "own,\"with,comma\"\n"},
	} {
		step.request.Key = key
		if headed := b.prepend(step.request); headed.Header != step.want {
			t.Errorf("header is from %q, want %q", headed.Header, step.want)
		}
		b.wantContent("headed"+key[len("unload"):], step.header, []byte("1,2\n"))
		if step.remove != "" {
			b.remove(step.remove)
		}
	}
}

func TestEveryPlaceIsNamedWhenThereIsNoHeader(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put("unload/a/p_0000_part_00", []byte("1,2\n"))
	b.put("unload/a/manifest", b.manifestOf([]string{"id", "n"}, "unload/a/other"))
	b.put("unload/a/p_manifest", b.manifestOf(nil, "unload/a/p_0000_part_00"))
	b.wantRefused(Request{Key: "unload/a/p_0000_part_00"}, "headed/a/p_0000_part_00",
		"no header: the request lists none; manifest "+b.at("unload/a/p_manifest").String()+" has no schema; manifest "+
			b.at("unload/a/manifest").String()+" does not list it; there is no object "+b.at("unload/a/_header").String()+
			"; there is no object "+b.at("unload/_header").String()+"; its metadata has no stagelift-columns")
}

// A header that cannot be read is not one that is not there.
func TestHeaderOutOfReachIsAnError(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put("unload/a.csv", []byte("1,2\n"))
	b.put("unload/_header", []byte("id,n\n"))
	b.door.Fail(fault("GetObject", door.Failure{Status: 403, Code: "AccessDenied"}))
	b.wantRefused(Request{Key: "unload/a.csv"}, "headed/a.csv", "AccessDenied")
}

// The header's own start of the data, in whatever dialect, is enough.
func TestDataWithThisHeaderGetsNoOther(t *testing.T) {
	t.Parallel()
	b := setup(t)
	large := append([]byte("id,n\n"), rows(6*mib)...)
	for name, c := range map[string]struct{ stored, want []byte }{
		"same":             {[]byte("id,n\n1,2\n"), []byte("id,n\n1,2\n")},
		"in quotes":        {[]byte("\"id\",\"n\"\r\n1,2\r\n"), []byte("\"id\",\"n\"\r\n1,2\r\n")},
		"behind a mark":    {[]byte(bom + "id,n\n1,2\n"), []byte(bom + "id,n\n1,2\n")},
		"nothing besides":  {[]byte("id,n"), []byte("id,n")},
		"of a large":       {large, large},
		"packed":           {pack(t, "gzip", []byte("id,n\n1,2\n")), pack(t, "gzip", []byte("id,n\n1,2\n"))},
		"other letters":    {[]byte("ID,N\n1,2\n"), []byte("id,n\nID,N\n1,2\n")},
		"a longer name":    {[]byte("id,nn\n"), []byte("id,n\nid,nn\n")},
		"the second time ": {[]byte("1,2\nid,n\n"), []byte("id,n\n1,2\nid,n\n")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := b.on(t)
			b.put("unload/"+name, c.stored)
			headed := b.prepend(Request{Key: "unload/" + name, Header: []string{"id", "n"}, Delimiter: ","})
			b.wantContent("headed/"+name, "", c.want)
			if there := len(c.want) == len(c.stored); there != (headed.Note != "") {
				t.Errorf("%+v", headed)
			}
			if name == "of a large" && headed.Copied != int64(len(large)) {
				t.Errorf("%+v, want all of it to be copied", headed)
			}
		})
	}
}

// A byte order mark stays in front, or comes and goes as the request says.
func TestMarkIsInFrontOfTheHeader(t *testing.T) {
	t.Parallel()
	b := setup(t)
	yes, no := true, false
	for name, c := range map[string]struct {
		mark   *bool
		stored string
		want   string
	}{
		"kept":          {nil, bom + "1,2\n", bom + "id,n\n1,2\n"},
		"none":          {nil, "1,2\n", "id,n\n1,2\n"},
		"put there":     {&yes, "1,2\n", bom + "id,n\n1,2\n"},
		"put to empty":  {&yes, "", bom + "id,n\n"},
		"taken away":    {&no, bom + "1,2\n", "id,n\n1,2\n"},
		"taken, headed": {&no, bom + "id,n\n1,2\n", "id,n\n1,2\n"},
		"all there is":  {nil, bom, bom + "id,n\n"},
	} {
		key := "unload/" + name
		b.put(key, []byte(c.stored))
		b.prepend(Request{Key: key, Header: []string{"id", "n"}, BOM: c.mark})
		b.wantContent("headed/"+name, "", []byte(c.want))
	}
	large := append([]byte(bom), rows(6*mib)...)
	b.put("unload/large", large)
	b.prepend(Request{Key: "unload/large", Header: []string{"id"}})
	b.wantContent("headed/large", bom+"id\n", large[3:])
}

// A header may be longer than S3's smallest part, and than what is looked at.
func TestHeaderLongerThanAPart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	line := "id," + strings.Repeat("x", 5*mib+100)
	b.put("unload/_header", []byte(line))
	for name, text := range map[string][]byte{"small": []byte("1,2\n"), "large": rows(6 * mib), "empty": nil} {
		b.put("unload/"+name, text)
		b.prepend(Request{Key: "unload/" + name})
		b.wantContent("headed/"+name, line+"\n", text)
	}
	b.put("unload/headed", []byte(line+"\n1,2\n"))
	if headed := b.prepend(Request{Key: "unload/headed"}); headed.Note == "" {
		t.Errorf("%+v, want the header to be found", headed)
	}
	b.wantContent("headed/headed", line+"\n", []byte("1,2\n"))
}

package header

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/stagelift/stagelift/shared/object"
)

// manifest is what an UNLOAD with MANIFEST wrote.
type manifest struct {
	entries []source
	// names are those of the columns; nil unless the manifest is VERBOSE.
	names []string
}

// source is an object to be given a header.
type source struct {
	object.Location
	// size is what a manifest says; -1 where nothing does.
	size int64
	// place is its number in the request, from 0.
	place int
}

// manifestLimit bounds a manifest: 100,000 entries or so.
const manifestLimit = 16 << 20

// errNotManifest is returned for what may be a good object, but no manifest.
var errNotManifest = errors.New("it is not the manifest of an UNLOAD")

// parseManifest reads a manifest. Entries that are listed twice count once.
//
// Redshift's guide prints the type of a varchar column as {"base": "character
// varying", 25}, which is not JSON, so values without a name are left out before
// reading (Amazon Redshift Database Developer Guide, "UNLOAD", "MANIFEST").
func parseManifest(text []byte) (*manifest, error) {
	var file struct {
		Entries []struct {
			URL  string `json:"url"`
			Meta struct {
				ContentLength *int64 `json:"content_length"`
			} `json:"meta"`
		} `json:"entries"`
		Schema struct {
			Elements []struct {
				Name string `json:"name"`
			} `json:"elements"`
		} `json:"schema"`
	}
	if err := json.Unmarshal(withoutNameless(text), &file); err != nil {
		return nil, fmt.Errorf("%w: %w", errNotManifest, err)
	}
	if file.Entries == nil {
		return nil, fmt.Errorf("%w: it has no entries", errNotManifest)
	}
	m := &manifest{}
	seen := map[object.Location]bool{}
	for i, entry := range file.Entries {
		bucket, key, ok := strings.Cut(strings.TrimPrefix(entry.URL, "s3://"), "/")
		if !ok || !strings.HasPrefix(entry.URL, "s3://") || bucket == "" || key == "" {
			return nil, fmt.Errorf("entry %d: url is %q, want s3://bucket/key", i, entry.URL)
		}
		at := object.Location{Bucket: bucket, Key: key}
		if seen[at] {
			continue
		}
		seen[at] = true
		size := int64(-1)
		if length := entry.Meta.ContentLength; length != nil {
			size = *length
		}
		m.entries = append(m.entries, source{at, size, len(m.entries)})
	}
	for _, element := range file.Schema.Elements {
		m.names = append(m.names, element.Name)
	}
	return m, nil
}

// withoutNameless leaves out what stands in a JSON object in place of a member
// and has no name. Other text comes out as it was.
func withoutNameless(text []byte) []byte {
	var (
		out    = make([]byte, 0, len(text))
		inside []byte // the brackets that are open
		comma  = -1   // where in out the comma stands that a member must follow
	)
	for at := 0; at < len(text); at++ {
		c := text[at]
		switch {
		case c == '"':
			end := stringEnd(text, at)
			out = append(out, text[at:end]...)
			at, comma = end-1, -1
			continue
		case c == '{' || c == '[':
			inside = append(inside, c)
		case (c == '}' || c == ']') && len(inside) > 0:
			inside = inside[:len(inside)-1]
		case c == ',' && len(inside) > 0 && inside[len(inside)-1] == '{':
			out = append(out, c)
			comma = len(out) - 1
			continue
		case comma >= 0 && (c == '-' || c >= '0' && c <= '9'):
			out = out[:comma]
			for at+1 < len(text) && strings.IndexByte("0123456789.eE+-", text[at+1]) >= 0 {
				at++
			}
			comma = -1
			continue
		}
		if !strings.ContainsRune(" \t\r\n", rune(c)) {
			comma = -1
		}
		out = append(out, c)
	}
	return out
}

// stringEnd returns where a string that starts at a quote is over.
func stringEnd(text []byte, start int) int {
	for at := start + 1; at < len(text); at++ {
		switch text[at] {
		case '\\':
			at++
		case '"':
			return at + 1
		}
	}
	return len(text)
}

// sliceName is how UNLOAD names what it writes: with PARALLEL ON the slice's
// number and the part's, with PARALLEL OFF a number alone; then an extension.
var sliceName = regexp.MustCompile(`^(.*?)(?:[0-9]{4,}_part_[0-9]{2,}|[0-9]{3,})(?:\.[A-Za-z0-9.]+)?$`)

// manifestsBeside returns where the manifest of an UNLOAD may lie that wrote key:
// under the same prefix, which may end in the middle of a name.
func manifestsBeside(key string) []string {
	folder, name := split(key)
	keys := []string{folder + manifestWord}
	if parts := sliceName.FindStringSubmatch(name); parts != nil && parts[1] != "" {
		keys = append([]string{folder + parts[1] + manifestWord}, keys...)
	}
	return keys
}

// manifestWord ends the key of every manifest that UNLOAD writes.
const manifestWord = "manifest"

// isManifestKey reports whether a key is named like a manifest.
func isManifestKey(key string) bool { return strings.HasSuffix(key, manifestWord) }

// manifestStem is what a manifest is called without the word: the prefix of the
// UNLOAD, without what joins the two.
func manifestStem(key string) string {
	return strings.TrimRight(strings.TrimSuffix(strings.TrimSuffix(key, ".json"), manifestWord), "/_-.")
}

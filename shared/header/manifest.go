package header

import (
	"regexp"
	"strings"

	"github.com/stagelift/stagelift/shared/object"
	"github.com/stagelift/stagelift/shared/unload"
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

// parseManifest reads a manifest. Entries that are listed twice count once.
func parseManifest(text []byte) (*manifest, error) {
	file, err := unload.Decode(text)
	if err != nil {
		return nil, err
	}
	m := &manifest{}
	seen := map[object.Location]bool{}
	for _, entry := range file.Entries {
		at := object.Location{Bucket: entry.Bucket, Key: entry.Key}
		if seen[at] {
			continue
		}
		seen[at] = true
		m.entries = append(m.entries, source{at, entry.Bytes, len(m.entries)})
	}
	for _, column := range file.Columns {
		m.names = append(m.names, column.Name)
	}
	return m, nil
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

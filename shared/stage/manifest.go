package stage

import "fmt"

// Manifest is the file that Redshift's COPY … MANIFEST reads. It holds only
// the keys that Redshift documents, so that any COPY can use it
// (Redshift guide, "Using a manifest to specify data files").
type Manifest struct {
	Entries []Entry `json:"entries"`
}

// Entry names one object to load.
type Entry struct {
	// URL is s3://bucket/key.
	URL string `json:"url"`
	// Mandatory makes COPY fail when the object is missing.
	Mandatory bool `json:"mandatory"`
	Meta      Meta `json:"meta"`
}

// Meta describes an entry's object.
type Meta struct {
	// ContentLength is the object's size in bytes.
	ContentLength int64 `json:"content_length"`
}

// NewManifest lists the parts that lie in bucket, in their order.
func NewManifest(bucket string, parts []Part) Manifest {
	m := Manifest{Entries: make([]Entry, len(parts))}
	for i, part := range parts {
		m.Entries[i] = Entry{
			URL:       fmt.Sprintf("s3://%s/%s", bucket, part.Key),
			Mandatory: true,
			Meta:      Meta{ContentLength: part.Bytes},
		}
	}
	return m
}

// Encode returns the manifest as it is stored. The same parts give the same
// bytes, so a manifest can be checked by writing it again.
func (m Manifest) Encode() ([]byte, error) { return encode(m) }

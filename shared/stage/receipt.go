package stage

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/stagelift/stagelift/shared/table"
)

// ReceiptVersion is the version of the receipt that this code writes and reads.
const ReceiptVersion = 1

// Receipt says what was extracted and how to tell that it is all there.
type Receipt struct {
	Version  int        `json:"version"`
	Run      RunID      `json:"run"`
	Database string     `json:"database"`
	Table    table.Name `json:"table"`
	// Snapshot is the moment that the table was read at.
	Snapshot Snapshot `json:"snapshot"`
	// Consistency is "snapshot" when all rows were read at Snapshot.
	Consistency string         `json:"consistency"`
	Columns     []table.Column `json:"columns"`
	// PrimaryKey lists column names in key order; empty without a key.
	PrimaryKey []string `json:"primary_key,omitempty"`
	Format     Format   `json:"format"`
	// Manifest is the key of the manifest; empty when there are no parts.
	Manifest string `json:"manifest,omitempty"`
	Parts    []Part `json:"parts"`
	// Rows and Bytes are the totals over Parts.
	Rows  int64     `json:"rows"`
	Bytes int64     `json:"bytes"`
	Load  Load      `json:"load"`
	At    time.Time `json:"at"`
}

// Snapshot is one moment of the source database.
type Snapshot struct {
	// ID is the name under which the snapshot was exported.
	ID string `json:"id"`
	// LSN is the WAL position read just before the snapshot was taken; empty
	// where the server does not tell.
	LSN string `json:"lsn,omitempty"`
	// At is the server's clock when the snapshot was taken.
	At time.Time `json:"at"`
}

// Format says how the parts are written.
type Format struct {
	// Name is "csv".
	Name string `json:"name"`
	// Compression is "none" or "gzip".
	Compression string `json:"compression"`
	// Header is true when every part starts with a line of column names.
	Header bool `json:"header"`
	// Null is the unquoted text that stands for NULL.
	Null string `json:"null"`
	// Delimiter separates fields.
	Delimiter string `json:"delimiter"`
}

// Part is one object with rows of the table.
type Part struct {
	Key   string `json:"key"`
	Rows  int64  `json:"rows"`
	Bytes int64  `json:"bytes"`
	// CRC32C is the base64 of the whole object's CRC-32C, as S3 keeps it.
	CRC32C string `json:"crc32c"`
}

// Load says how the table is to be loaded.
type Load struct {
	// Mode is "append".
	Mode string `json:"mode"`
}

// LoadID returns the name of the load that a receipt asks for: the digest of
// the receipt's bytes. The same receipt, delivered again, has the same id.
func LoadID(receipt []byte) string {
	sum := sha256.Sum256(receipt)
	return hex.EncodeToString(sum[:])
}

// Encode returns the receipt as it is stored.
func (r Receipt) Encode() ([]byte, error) {
	if err := r.validate(); err != nil {
		return nil, fmt.Errorf("encoding the receipt of %s: %w", r.Table, err)
	}
	return encode(r)
}

// DecodeReceipt reads a receipt and checks that it agrees with itself and with
// the key that it was found under. Bytes that were changed after they were
// written are found here, or when the parts and the rows are counted.
func (l Layout) DecodeReceipt(key string, data []byte) (Receipt, error) {
	folder, err := l.ParseReceipt(key)
	if err != nil {
		return Receipt{}, err
	}
	var r Receipt
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r); err != nil {
		return Receipt{}, fmt.Errorf("decoding receipt %s: %w", key, err)
	}
	if decoder.More() {
		return Receipt{}, fmt.Errorf("decoding receipt %s: data after its end", key)
	}
	if err := errors.Join(r.validate(), l.checkPlace(folder, r)); err != nil {
		return Receipt{}, fmt.Errorf("checking receipt %s: %w", key, err)
	}
	return r, nil
}

func (r Receipt) validate() error {
	var problems []error
	if r.Version != ReceiptVersion {
		problems = append(problems, fmt.Errorf("version is %d, want %d", r.Version, ReceiptVersion))
	}
	if len(r.Columns) == 0 {
		problems = append(problems, errors.New("columns are missing"))
	}
	var rows, size int64
	for _, part := range r.Parts {
		if part.Rows < 1 || part.Bytes < 1 {
			problems = append(problems, fmt.Errorf("part %s has %d rows in %d bytes", part.Key, part.Rows, part.Bytes))
		}
		rows, size = rows+part.Rows, size+part.Bytes
	}
	if rows != r.Rows || size != r.Bytes {
		problems = append(problems, fmt.Errorf("totals are %d rows, %d bytes, but the parts add up to %d rows, %d bytes",
			r.Rows, r.Bytes, rows, size))
	}
	return errors.Join(problems...)
}

// checkPlace refuses a receipt that speaks of another table, or of parts
// outside its own folder.
func (l Layout) checkPlace(f Folder, r Receipt) error {
	if r.Database != f.Database || r.Table != f.Table || r.Run != f.Run {
		return fmt.Errorf("it is of table %s in database %q, run %s, but lies in the folder of %s in %q, run %s",
			r.Table, r.Database, r.Run, f.Table, f.Database, f.Run)
	}
	wantManifest := ""
	if len(r.Parts) > 0 {
		wantManifest = l.Manifest(f)
	}
	if r.Manifest != wantManifest {
		return fmt.Errorf("manifest is %q, want %q", r.Manifest, wantManifest)
	}
	for i, part := range r.Parts {
		if want := l.Part(f, i, r.Format.Extension()); part.Key != want {
			return fmt.Errorf("part %d is %q, want %q", i, part.Key, want)
		}
	}
	return nil
}

// Extension returns what the part keys of this format end in.
func (f Format) Extension() string {
	if f.Compression == "gzip" {
		return f.Name + ".gz"
	}
	return f.Name
}

func encode(v any) ([]byte, error) {
	data, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return nil, err
	}
	return append(data, '\n'), nil
}

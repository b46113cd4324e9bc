package stage

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/stagelift/stagelift/shared/strict"
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
	// Consistency is ConsistencySnapshot or ConsistencyRanges.
	Consistency string         `json:"consistency"`
	Columns     []table.Column `json:"columns"`
	// PrimaryKey lists column names in key order; empty without a key.
	PrimaryKey []string `json:"primary_key,omitempty"`
	// Filter is the SQL expression that left rows out; empty when none was.
	Filter string `json:"filter,omitempty"`
	// Window bounds the rows of an incremental run; nil when all were read.
	Window *Window `json:"window,omitempty"`
	// Absent are columns that the table has and the request left out.
	Absent []string `json:"absent,omitempty"`
	// Sweep are the keys of the whole table, for finding out what was deleted; nil
	// when nobody asked, there was no time to read all of them, or the table has no
	// rows and nobody said that this is meant.
	Sweep *Sweep `json:"sweep,omitempty"`
	// Altered counts, by column, values that were changed to fit what they are
	// loaded into, as the request said; nil when none was.
	Altered map[string]Altered `json:"altered,omitempty"`
	// Repairs is the run whose rows were read once more by this one, in its place;
	// empty for most.
	Repairs RunID `json:"repairs,omitempty"`
	// Origin is the table that was read.
	Origin *Origin `json:"origin,omitempty"`
	// Apart are tables that inherit from this one, as they print, whose rows are
	// not in it.
	Apart  []string `json:"apart,omitempty"`
	Format Format   `json:"format"`
	// Manifest is the key of the manifest; empty when there are no parts.
	Manifest string `json:"manifest,omitempty"`
	Parts    []Part `json:"parts"`
	// Rows and Bytes are the totals over Parts.
	Rows  int64     `json:"rows"`
	Bytes int64     `json:"bytes"`
	Load  Load      `json:"load"`
	At    time.Time `json:"at"`
}

// How the rows of a table belong together.
const (
	// ConsistencySnapshot means that all rows were read at one moment.
	ConsistencySnapshot = "snapshot"
	// ConsistencyRanges means that ranges of the table were read at several
	// moments: a row that was updated in between may be there twice, in two
	// versions, or not at all.
	ConsistencyRanges = "ranges"
)

// Window is what an incremental run reads of a table: the rows whose cursor is
// at or after From, less Lookback, and before To.
type Window struct {
	// Column is the cursor, of PostgreSQL's type Type.
	Column string `json:"column"`
	Type   string `json:"type"`
	// From is the watermark that the run found, as PostgreSQL prints it; empty
	// for the first run, which reads all that is before To.
	From string `json:"from,omitempty"`
	To   string `json:"to"`
	// Lookback is an interval, or a number for a numeric cursor; rows in it
	// were read before, and come again.
	Lookback string `json:"lookback,omitempty"`
	// Joined are partitions, as they print, that became a part of the table after
	// the run before. All of their rows before To are here.
	Joined []string `json:"joined,omitempty"`
}

// Snapshot is one moment of the source database.
type Snapshot struct {
	// ID is the name under which the snapshot was exported.
	ID string `json:"id"`
	// LSN is the WAL position read just before the snapshot was taken; empty
	// where the server does not tell.
	LSN string `json:"lsn,omitempty"`
	// Visible tells which transactions the snapshot sees, as
	// pg_current_snapshot() prints it. Two snapshots of a database that agree in
	// it see the same rows. It is empty on a standby, which does not print the
	// transactions that are under way.
	Visible string `json:"visible,omitempty"`
	// Held is the snapshot that it was imported from; empty when it was not.
	Held string `json:"held,omitempty"`
	// At is the server's clock when the snapshot was taken.
	At time.Time `json:"at"`
}

// Same tells whether it is the same moment, for sure.
func (s Snapshot) Same(o Snapshot) bool {
	return s.Visible != "" && s.Visible == o.Visible || s.Held != "" && s.Held == o.Held
}

// Format says how the parts are written.
type Format struct {
	// Name is "csv", "jsonl" or "parquet".
	Name string `json:"name"`
	// Compression is "none", "gzip" or "zstd"; in Parquet, of the pages inside,
	// "snappy" too.
	Compression string `json:"compression"`
	// The rest is CSV's. Header is true when every part starts with a line of
	// column names.
	Header bool `json:"header,omitempty"`
	// Null is the unquoted text that stands for NULL; "" is an empty field.
	Null string `json:"null"`
	// Delimiter separates fields.
	Delimiter string `json:"delimiter,omitempty"`
}

// Sweep lists the keys of all rows that a table had at one moment, which is not
// before that of any of the receipt's rows: one column for each of the keys that the
// load merges by, in their order, in the receipt's format.
type Sweep struct {
	// Manifest is the key of the manifest; empty when there are no parts.
	Manifest string `json:"manifest,omitempty"`
	Parts    []Part `json:"parts"`
	Rows     int64  `json:"rows"`
	Bytes    int64  `json:"bytes"`
	// Filter is the condition on the rows whose keys are listed, the receipt's own;
	// empty when all are. The target is to hold such rows and no others.
	Filter string `json:"filter,omitempty"`
}

// Altered counts values of a column that are not as they were in the table.
type Altered struct {
	// Truncated were cut to what fits, Nulled became NULL.
	Truncated int64 `json:"truncated,omitempty"`
	Nulled    int64 `json:"nulled,omitempty"`
}

// Part is one object with rows of the table.
type Part struct {
	Key   string `json:"key"`
	Rows  int64  `json:"rows"`
	Bytes int64  `json:"bytes"`
	// CRC32C is the base64 of the whole object's CRC-32C, as S3 keeps it.
	CRC32C string `json:"crc32c"`
	// Altered is of its rows what Receipt.Altered is of all.
	Altered map[string]Altered `json:"altered,omitempty"`
}

// Load says how the table is to be loaded.
type Load struct {
	// Mode is "append", "replace" or "merge".
	Mode string `json:"mode"`
	// Target is the table to load into; nil leaves it to the loader.
	Target *table.Name `json:"target,omitempty"`
	// Keys are the columns to merge by; empty is the primary key.
	Keys []string `json:"keys,omitempty"`
	// Deleted is a boolean column; where it is true, a merge removes the row.
	Deleted string `json:"deleted,omitempty"`
	// DistKey and SortKeys are columns that a new table in Redshift is
	// distributed and sorted by, ClusterBy those that one in Snowflake is
	// clustered by.
	DistKey   string   `json:"dist_key,omitempty"`
	SortKeys  []string `json:"sort_keys,omitempty"`
	ClusterBy []string `json:"cluster_by,omitempty"`
	// Swap replaces by a new table that takes the target's name, in place of
	// emptying the target; Recreate also when types have changed.
	Swap     bool `json:"swap,omitempty"`
	Recreate bool `json:"recreate,omitempty"`
	// Deletes is "hard" or "soft": what becomes of rows of the target whose keys
	// the sweep has not. Empty keeps them.
	Deletes string `json:"deletes,omitempty"`
	// SchemaChanges is "evolve", "add" or "freeze"; empty is "evolve".
	SchemaChanges string `json:"schema_changes,omitempty"`
	// Names is "as_is", "upper" or "lower": how Snowflake spells identifiers;
	// empty is "as_is".
	Names string `json:"names,omitempty"`
	// Add are columns that a load adds to what was read: "run", "loaded_at".
	Add []string `json:"add,omitempty"`
	// Grants may read the target, such as "ROLE reporting".
	Grants []string `json:"grants,omitempty"`
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
	if err := strict.Decode(data, &r); err != nil {
		return Receipt{}, fmt.Errorf("decoding receipt %s: %w", key, err)
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
	return errors.Join(append(problems, checkTotals(r.Parts, r.Rows, r.Bytes), r.checkCover(), r.Load.Check())...)
}

// checkTotals compares parts with what they are said to amount to.
func checkTotals(parts []Part, rows, size int64) error {
	var problems []error
	var sumRows, sumSize int64
	for _, part := range parts {
		if part.Rows < 1 || part.Bytes < 1 {
			problems = append(problems, fmt.Errorf("part %s has %d rows in %d bytes", part.Key, part.Rows, part.Bytes))
		}
		sumRows, sumSize = sumRows+part.Rows, sumSize+part.Bytes
	}
	if sumRows != rows || sumSize != size {
		problems = append(problems, fmt.Errorf("totals are %d rows, %d bytes, but the parts add up to %d rows, %d bytes", rows, size, sumRows, sumSize))
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
	problems := []error{checkPlaces(r.Parts, r.Manifest, l.places(f, r.Format.Extension()))}
	if r.Sweep != nil {
		problems = append(problems, checkPlaces(r.Sweep.Parts, r.Sweep.Manifest, l.sweepPlaces(f, r.Format.Extension())))
	}
	return errors.Join(problems...)
}

// places are the keys that an attempt may give to parts and to their manifest.
type places struct {
	part     func(attempt string, index int) string
	manifest func(attempt string) string
	// wanted is what a part's key looks like.
	wanted string
}

func (l Layout) places(f Folder, ext string) places {
	return places{
		func(attempt string, index int) string { return l.Part(f, attempt, index, ext) },
		func(attempt string) string { return l.Manifest(f, attempt) }, l.Folder(f) + "part-<number>." + ext,
	}
}

func (l Layout) sweepPlaces(f Folder, ext string) places {
	return places{
		func(attempt string, index int) string { return l.Keys(f, attempt, index, ext) },
		func(attempt string) string { return l.KeysManifest(f, attempt) }, l.Folder(f) + "keys-<number>." + ext,
	}
}

// checkPlaces refuses parts, and a manifest, that lie elsewhere.
func checkPlaces(parts []Part, manifest string, p places) error {
	ours := manifestName.FindStringSubmatch(manifest)
	if len(parts) > 0 && (ours == nil || p.manifest(ours[1]) != manifest) || len(parts) == 0 && manifest != "" {
		return fmt.Errorf("manifest is %q, want %q where there are parts, and none where there are none", manifest, p.manifest(""))
	}
	seen := make(map[string]bool, len(parts))
	for _, part := range parts {
		if !p.isPart(part.Key) {
			return fmt.Errorf("part %q lies elsewhere than %s", part.Key, p.wanted)
		}
		if seen[part.Key] {
			return fmt.Errorf("part %q is there twice", part.Key)
		}
		seen[part.Key] = true
	}
	return nil
}

var (
	partName     = regexp.MustCompile(`-(\d{5,})(?:-([0-9a-z]+))?\.[a-z.]+$`)
	manifestName = regexp.MustCompile(`manifest(?:-([0-9a-z]+))?\.json$`)
)

func (p places) isPart(key string) bool {
	match := partName.FindStringSubmatch(key)
	if match == nil {
		return false
	}
	number, err := strconv.Atoi(match[1])
	return err == nil && p.part(match[2], number) == key
}

// Extension returns what the part keys of this format end in. Parquet says
// inside how it is compressed.
func (f Format) Extension() string {
	if f.Name == "parquet" {
		return f.Name
	}
	switch f.Compression {
	case "gzip":
		return f.Name + ".gz"
	case "zstd":
		return f.Name + ".zst"
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

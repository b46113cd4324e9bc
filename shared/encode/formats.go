package encode

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// compressions lists what each format can be compressed with.
var compressions = map[string][]string{
	"csv":     {"none", "gzip", "zstd"},
	"jsonl":   {"none", "gzip", "zstd"},
	"parquet": {"none", "snappy", "gzip", "zstd"},
}

// Compressions returns what a format can be compressed with; false for a format
// that there is no encoder for.
func Compressions(format string) ([]string, bool) {
	list, known := compressions[format]
	return list, known
}

// check finds all that is wrong with the options, for rows of so many fields.
func (o Options) check(fields int) error {
	list, known := Compressions(o.Format)
	if !known {
		return fmt.Errorf("format %q: %w; there are %s", o.Format, ErrUnknown, strings.Join(slices.Sorted(maps.Keys(compressions)), ", "))
	}
	var problems []error
	if !slices.Contains(list, o.Compression) {
		problems = append(problems, fmt.Errorf("compression %q of %s: %w; there are %s",
			o.Compression, o.Format, ErrUnknown, strings.Join(list, ", ")))
	}
	if o.Format == "csv" {
		problems = append(problems, o.CSV.checkFor(fields))
	}
	for _, position := range slices.Concat(o.Key, o.Repeats) {
		if position < 0 || position >= fields {
			problems = append(problems, fmt.Errorf("field %d of the key or of those that repeat: there are %d", position, fields))
		}
	}
	return errors.Join(problems...)
}

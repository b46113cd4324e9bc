package encode

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

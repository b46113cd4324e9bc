package redshift

import (
	"fmt"
	"strings"

	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// compressions are those of text, as COPY names them.
var compressions = map[string]string{"none": "", "gzip": "GZIP", "zstd": "ZSTD", "bzip2": "BZIP2"}

// copyStatement loads a table of the session's from the manifest. Decimals are
// rounded as INSERT does it, where COPY would cut them ("Data conversion
// parameters", ROUNDEC).
func copyStatement(c Config, load warehouse.Load, columns []staged, into string) (string, error) {
	options, err := formatOptions(load, columns)
	if err != nil {
		return "", err
	}
	parts := []string{"COPY " + into}
	if load.Format.Name != "parquet" { // which is loaded by position, all columns of the file into all of the table
		parts[0] += " (" + columnNames(namesOf(columns)) + ")"
		options = append(options, "ROUNDEC")
		for _, name := range []string{"DATEFORMAT", "TIMEFORMAT"} {
			if load.Copy[name] == "" {
				options = append(options, name+" AS 'auto'")
			}
		}
		options = append(options, "COMPUPDATE OFF", "REGION AS "+quote(c.Region))
	}
	options = append(options, copyOptions(load)...)
	parts = append(parts, "FROM "+quote(load.Manifest), "IAM_ROLE "+quote(c.CopyRole))
	parts = append(parts, options...)
	return strings.Join(append(parts, "STATUPDATE OFF", "MANIFEST"), " "), nil
}

func formatOptions(load warehouse.Load, columns []staged) ([]string, error) {
	f := load.Format
	if f.Name == "parquet" { // it says inside how it is compressed
		return []string{"FORMAT AS PARQUET"}, nil
	}
	compression, known := compressions[f.Compression]
	if !known {
		return nil, fmt.Errorf("compression %q is not one that Redshift reads: %s is loaded with none, gzip, zstd or bzip2", f.Compression, f.Name)
	}
	var options []string
	var err error
	switch f.Name {
	case "csv":
		options, err = csvOptions(f)
	case "jsonl":
		options = []string{"FORMAT AS JSON " + quote(jsonNames(columns))}
	default:
		err = fmt.Errorf("format %q is not one that is loaded here: csv, jsonl and parquet are", f.Name)
	}
	if compression != "" {
		options = append(options, compression)
	}
	return options, err
}

// jsonNames is how names in JSON meet those of columns, which are in lower case:
// 'auto' wants the same name ("COPY from JSON format").
func jsonNames(columns []staged) string {
	for _, column := range columns {
		if fold(column.Name) != column.Name {
			return "auto ignorecase"
		}
	}
	return "auto"
}

// csvOptions leaves NULL AS out when the files use \N, which is COPY's default:
// a backslash has no literal that every setting reads the same.
func csvOptions(f stage.Format) ([]string, error) {
	options := []string{"FORMAT AS CSV"}
	if len(f.Delimiter) != 1 || strings.ContainsAny(f.Delimiter, "\r\n\"\\\x00") || f.Delimiter[0] >= 0x80 {
		return nil, fmt.Errorf("delimiter %q: COPY takes one character of ASCII", f.Delimiter)
	}
	options = append(options, "DELIMITER AS "+quote(f.Delimiter))
	if f.Null != `\N` {
		if strings.ContainsAny(f.Null, "\\\r\n\x00") {
			return nil, fmt.Errorf(`NULL as %q: of text with a backslash or a line break only \N can be loaded`, f.Null)
		}
		options = append(options, "NULL AS "+quote(f.Null))
	}
	if f.Header {
		options = append(options, "IGNOREHEADER AS 1")
	}
	return options, nil
}

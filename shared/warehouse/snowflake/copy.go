package snowflake

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// filesPerCopy is how many files one COPY may list (reference, "COPY INTO
// <table>", FILES).
const filesPerCopy = 1000

// copyStatements fill the staging table. The files are listed one by one, so
// that nothing else is read that lies beside them, and one that is missing
// fails the load. FORCE reads them although Snowflake may have read them
// before: the ledger is what keeps rows from coming twice, and the staging
// table is new each time.
func copyStatements(c Config, load warehouse.Load) ([]string, error) {
	folder, files, err := stagedFiles(c, load)
	if err != nil {
		return nil, err
	}
	format, err := fileFormat(load.Format)
	if err != nil {
		return nil, err
	}
	from := stageLocation(c, folder)
	projection, err := projection(load)
	if err != nil {
		return nil, err
	}
	if projection != "" {
		from = "(SELECT " + projection + " FROM " + from + ")"
	}
	var list []string
	for len(files) > 0 {
		batch := files[:min(filesPerCopy, len(files))]
		files = files[len(batch):]
		list = append(list, "COPY INTO "+stagingTable(c, load)+" ("+identifiers(names(load.Columns))+") FROM "+from+
			" FILES = ("+strings.Join(batch, ", ")+") FILE_FORMAT = ("+format+") ON_ERROR = ABORT_STATEMENT FORCE = TRUE")
	}
	return list, nil
}

// stagedFiles returns the folder that all parts lie in, below the stage, and
// their names from there as literals.
func stagedFiles(c Config, load warehouse.Load) (folder string, files []string, err error) {
	bucket, prefix, err := c.stageRoot()
	if err != nil {
		return "", nil, err
	}
	if bucket != load.Bucket {
		return "", nil, fmt.Errorf("the parts lie in bucket %s, the stage %s is over %s", load.Bucket, c.Stage, c.StageURL)
	}
	keys := make([]string, len(load.Parts))
	for i, part := range load.Parts {
		key, below := strings.CutPrefix(part.Key, prefix)
		if !below || key == "" {
			return "", nil, fmt.Errorf("part %q lies outside of the stage %s, which is over %s", part.Key, c.Stage, c.StageURL)
		}
		keys[i] = key
		if i == 0 {
			folder = key[:strings.LastIndexByte(key, '/')+1]
		}
		for !strings.HasPrefix(key, folder) {
			folder = folder[:strings.LastIndexByte(strings.TrimSuffix(folder, "/"), '/')+1]
		}
	}
	files = make([]string, len(keys))
	for i, key := range keys {
		files[i] = quote(key[len(folder):])
	}
	return folder, files, nil
}

var plainPath = regexp.MustCompile(`^[A-Za-z0-9_./-]*$`)

// stageLocation names a folder of the stage. One with other characters than
// the plainest is a string literal.
func stageLocation(c Config, folder string) string {
	location := "@" + c.Stage.SQL() + "/" + folder
	if plainPath.MatchString(folder) && plainPath.MatchString(c.Stage.Schema+c.Stage.Table) {
		return location
	}
	return quote(location)
}

var compressions = map[string]string{"none": "NONE", "gzip": "GZIP", "zstd": "ZSTD", "bzip2": "BZ2"}

// fileFormat says how the parts are written. What is a default of Snowflake's
// and might change what is read is said all the same.
func fileFormat(f stage.Format) (string, error) {
	compression, known := compressions[f.Compression]
	if !known && f.Name != "parquet" {
		return "", fmt.Errorf("compression %q is not known here", f.Compression)
	}
	switch f.Name {
	case "csv":
		return csvFormat(f, compression)
	case "jsonl":
		return "TYPE = JSON COMPRESSION = " + compression + noNull, nil
	case "parquet":
		// Text is annotated as such in our files, so that bytes without an
		// annotation are bytes.
		return "TYPE = PARQUET USE_LOGICAL_TYPE = TRUE BINARY_AS_TEXT = FALSE" + noNull, nil
	}
	return "", fmt.Errorf("format %q is not known here", f.Name)
}

// noNull keeps texts as they are: else \N, which is a text like any other in
// these formats, would become NULL.
const noNull = " NULL_IF = ()"

func csvFormat(f stage.Format, compression string) (string, error) {
	if len(f.Delimiter) != 1 || strings.ContainsAny(f.Delimiter, "\"\r\n") {
		return "", fmt.Errorf("delimiter %q: want one character", f.Delimiter)
	}
	header := 0
	if f.Header {
		header = 1
	}
	// With an empty NULL it is the quotes that tell an empty string from it.
	null, empty := "NULL_IF = ("+quote(f.Null)+")", "FALSE"
	if f.Null == "" {
		null, empty = "NULL_IF = ()", "TRUE"
	}
	return fmt.Sprintf("TYPE = CSV COMPRESSION = %s FIELD_DELIMITER = %s SKIP_HEADER = %d "+
		"FIELD_OPTIONALLY_ENCLOSED_BY = '\"' ESCAPE_UNENCLOSED_FIELD = NONE %s EMPTY_FIELD_AS_NULL = %s BINARY_FORMAT = HEX",
		compression, quote(f.Delimiter), header, null, empty), nil
}

// projection lists what is read of each row, where the files' fields are not
// the columns as they stand; empty where they are.
func projection(load warehouse.Load) (string, error) {
	list := make([]string, len(load.Columns))
	plain := load.Format.Name == "csv"
	for i, column := range load.Columns {
		image, err := table.ImageOf(column)
		if err != nil {
			return "", err
		}
		switch load.Format.Name {
		case "csv":
			list[i] = csvField(i+1, image.Snowflake)
			plain = plain && image.Snowflake != "VARIANT"
		case "jsonl":
			if image.JSON == table.JSONNumber && strings.HasPrefix(image.Snowflake, "VARCHAR") {
				return "", fmt.Errorf("%w: column %s, %s, has numbers of more digits than Snowflake reads from JSON; "+
					"stage it as text or narrowed to 38 digits, or in another format",
					warehouse.ErrColumn, table.Quote(column.Name), sourceType(column))
			}
			list[i] = jsonField(column.Name, image.Snowflake)
		default:
			list[i] = parquetField(column.Name, image.Snowflake)
		}
	}
	if plain {
		return "", nil
	}
	return strings.Join(list, ", "), nil
}

func csvField(position int, kind string) string {
	field := fmt.Sprintf("$%d", position)
	switch {
	case kind == "VARIANT":
		return "PARSE_JSON(" + field + ")"
	case strings.HasPrefix(kind, "BINARY"):
		return "TO_BINARY(" + field + ", 'HEX')"
	}
	return field
}

// jsonField reads a value of an object. A null is NULL: what was a JSON null in
// the source cannot be told from it in JSON Lines.
func jsonField(name, kind string) string {
	switch {
	case kind == "VARIANT":
		return "IFF(IS_NULL_VALUE(" + path(name) + "), NULL, " + path(name) + ")"
	case strings.HasPrefix(kind, "BINARY"):
		return "TO_BINARY(" + path(name) + "::" + anyText + ", 'BASE64')"
	}
	return path(name) + "::" + cast(kind)
}

func parquetField(name, kind string) string {
	if kind == "VARIANT" {
		return "PARSE_JSON(" + path(name) + "::" + anyText + ")"
	}
	return path(name) + "::" + cast(kind)
}

const anyText = "VARCHAR(134217728)"

// cast leaves the length of text to the staging table's column, which refuses
// what is too long: a cast might cut it.
func cast(kind string) string {
	if strings.HasPrefix(kind, "VARCHAR") {
		return anyText
	}
	return kind
}

// path names a field of the row. Within the quotes of a path nothing can be
// escaped, as far as is documented, so other names are in brackets.
func path(name string) string {
	if strings.ContainsAny(name, "\"\\") {
		return "$1[" + quote(name) + "]"
	}
	return "$1:" + table.Quote(name)
}

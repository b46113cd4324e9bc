package snowflake

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/stagelift/stagelift/shared/stage"
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
func copyStatements(c Config, t task) ([]string, error) {
	return copyInto(c, t, stagingTable(c, t.Load))
}

func copyInto(c Config, t task, into string) ([]string, error) {
	folder, files, err := stagedFiles(c, t.Load)
	if err != nil {
		return nil, err
	}
	format, err := t.fileFormat()
	if err != nil {
		return nil, err
	}
	projection, err := projection(t)
	if err != nil {
		return nil, err
	}
	onError := "ABORT_STATEMENT"
	if t.forgiving() {
		onError = "CONTINUE"
		if t.Format.Name != "csv" {
			projection, onError = "", onError+" MATCH_BY_COLUMN_NAME = "+t.matching()
		}
	}
	// A list of columns belongs to a transformation. Without one the fields are the
	// staging table's columns as they stand, and their number is checked.
	from := stageLocation(c, folder)
	if projection != "" {
		into, from = into+" ("+identifiers(names(t.Columns))+")", "(SELECT "+projection+" FROM "+from+")"
	}
	var list []string
	for len(files) > 0 {
		batch := files[:min(filesPerCopy, len(files))]
		files = files[len(batch):]
		list = append(list, "COPY INTO "+into+" FROM "+from+
			" FILES = ("+strings.Join(batch, ", ")+") FILE_FORMAT = ("+format+") ON_ERROR = "+onError+copyOptions(t.Load, true)+" FORCE = TRUE")
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

// fileFormat says how the parts are written, and what the load says of it.
func (t task) fileFormat() (string, error) {
	format, err := fileFormat(t.Format)
	switch {
	case t.Copy["BINARY_FORMAT"] != "":
		format = strings.TrimSuffix(format, " BINARY_FORMAT = HEX")
	case t.Format.Name == "jsonl" && t.forgiving():
		format += " BINARY_FORMAT = BASE64"
	}
	return format + copyOptions(t.Load, false), err
}

// matching says how names of columns are found in the files, where COPY finds them.
func (t task) matching() string {
	if t.Names == warehouse.Upper || t.Names == warehouse.Lower {
		return "CASE_INSENSITIVE"
	}
	return "CASE_SENSITIVE"
}

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
		return "TYPE = JSON COMPRESSION = " + compression + " ALLOW_DUPLICATE = TRUE" + noNull, nil
	case "parquet":
		// Text is annotated as such in our files, so that bytes without an
		// annotation are bytes. Which scanner reads is said, since another one is
		// to become the default, which knows ABORT_STATEMENT and SKIP_FILE alone.
		return "TYPE = PARQUET USE_LOGICAL_TYPE = TRUE BINARY_AS_TEXT = FALSE USE_VECTORIZED_SCANNER = FALSE" + noNull, nil
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

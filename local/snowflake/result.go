package snowflake

import (
	"strconv"
)

const (
	// partitionRows is how many rows one partition has. Snowflake cuts by size;
	// a caller has to ask for all of them either way.
	partitionRows = 1000
	// maxResult bounds what a result may take in memory.
	maxResult = 16 << 20
)

// result is what a statement has left.
type result struct {
	columns []rowType
	rows    [][]*string
	stats   *statistics
}

// rowType is ResultSet_resultSetMetaData_rowType.
type rowType struct {
	Name      string `json:"name"`
	Type      string `json:"type"`
	Length    *int64 `json:"length"`
	Precision *int64 `json:"precision"`
	Scale     *int64 `json:"scale"`
	Nullable  bool   `json:"nullable"`
}

// statistics is ResultSet_stats.
type statistics struct {
	Inserted   int64 `json:"numRowsInserted"`
	Updated    int64 `json:"numRowsUpdated"`
	Deleted    int64 `json:"numRowsDeleted"`
	Duplicates int64 `json:"numDuplicateRowsUpdated"`
}

type partitionInfo struct {
	Rows int64 `json:"rowCount"`
	Size int64 `json:"uncompressedSize"`
}

type metaData struct {
	Rows       int64           `json:"numRows"`
	Format     string          `json:"format"`
	Columns    []rowType       `json:"rowType"`
	Partitions []partitionInfo `json:"partitionInfo"`
}

// resultSet is ResultSet.
type resultSet struct {
	MetaData  metaData    `json:"resultSetMetaData"`
	Data      [][]*string `json:"data"`
	Code      string      `json:"code"`
	Handles   []string    `json:"statementHandles,omitempty"`
	StatusURL string      `json:"statementStatusUrl"`
	SQLState  string      `json:"sqlState"`
	Handle    string      `json:"statementHandle"`
	Message   string      `json:"message"`
	CreatedOn int64       `json:"createdOn"`
	Stats     *statistics `json:"stats,omitempty"`
}

func (r *result) set() *resultSet {
	set := &resultSet{
		MetaData: metaData{Rows: int64(len(r.rows)), Format: "jsonv2", Columns: r.columns},
		Data:     r.partition(0), Code: "090001", SQLState: "00000", Message: "Statement executed successfully.", Stats: r.stats,
	}
	for number := 0; number == 0 || r.has(number); number++ {
		info := partitionInfo{}
		for _, row := range r.partition(number) {
			info.Rows++
			for _, value := range row {
				if value != nil {
					info.Size += int64(len(*value))
				}
			}
		}
		set.MetaData.Partitions = append(set.MetaData.Partitions, info)
	}
	return set
}

func (r *result) has(number int) bool {
	return number == 0 || number > 0 && number*partitionRows < len(r.rows)
}

func (r *result) partition(number int) [][]*string {
	rows := r.rows[min(number*partitionRows, len(r.rows)):]
	rows = rows[:min(partitionRows, len(rows))]
	if rows == nil {
		return [][]*string{}
	}
	return rows
}

// message is the result of a statement that only says that it is done.
func message(column, text string) result {
	return result{columns: []rowType{textColumn(column)}, rows: [][]*string{{&text}}}
}

func done() result { return message("status", "Statement executed successfully.") }

// counts is the result of a DML.
func counts(stats statistics, names ...string) result {
	r := result{stats: &stats, rows: [][]*string{nil}}
	for _, name := range names {
		value := map[string]int64{"inserted": stats.Inserted, "updated": stats.Updated, "deleted": stats.Deleted}[name]
		r.columns = append(r.columns, numberColumn("number of rows "+name))
		r.rows[0] = append(r.rows[0], new(strconv.FormatInt(value, 10)))
	}
	return r
}

func textColumn(name string) rowType { return rowType{Name: name, Type: "text", Nullable: true} }

func numberColumn(name string) rowType {
	precision, scale := int64(19), int64(0)
	return rowType{Name: name, Type: "fixed", Precision: &precision, Scale: &scale, Nullable: true}
}

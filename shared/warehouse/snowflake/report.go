package snowflake

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/stagelift/stagelift/shared/warehouse"
)

// copyReport is what the COPY statements of a load say of their files.
type copyReport struct {
	files  map[string]int64 // rows by the file's name, and errors: a bad row is one
	rows   int64
	errors int64
}

// add adds the result of one COPY: a row for each file (reference, "COPY INTO
// <table>", Output).
func (r *copyReport) add(a *answer, rows [][]*string) error {
	file, loaded, seen := a.column("file"), a.column("rows_loaded"), a.column("errors_seen")
	if file < 0 || loaded < 0 || seen < 0 {
		return errors.New("the result of COPY has not the columns that it should")
	}
	if r.files == nil {
		r.files = map[string]int64{}
	}
	for _, row := range rows {
		if row[file] == nil {
			return errors.New("the result of COPY names no file")
		}
		count, err := number(row[loaded])
		if err != nil {
			return err
		}
		failures, err := number(row[seen])
		if err != nil {
			return err
		}
		r.files[base(*row[file])] += count + failures
		r.rows += count
		r.errors += failures
	}
	return nil
}

func number(s *string) (int64, error) {
	if s == nil {
		return 0, nil
	}
	return strconv.ParseInt(*s, 10, 64)
}

// check compares the report with what was staged, file by file where somebody
// has counted. Files are told apart by their names: they lie in one folder.
func (r *copyReport) check(load warehouse.Load) error {
	want := map[string]int64{}
	for _, part := range load.Parts {
		if part.Rows < 0 {
			return r.failures(load)
		}
		want[base(part.Key)] += part.Rows
	}
	problems := []error{r.failures(load)}
	for _, part := range load.Parts {
		if got := r.files[base(part.Key)]; got != want[base(part.Key)] {
			problems = append(problems, fmt.Errorf("COPY reported %d rows of %s, staged are %d", got, part.Key, part.Rows))
		}
	}
	return errors.Join(problems...)
}

// failures are rows that COPY did not take, where none are forgiven.
func (r *copyReport) failures(load warehouse.Load) error {
	if r.errors > 0 && load.BadRows == nil {
		return fmt.Errorf("COPY reported %d errors", r.errors)
	}
	return nil
}

func base(key string) string { return key[strings.LastIndexByte(key, '/')+1:] }

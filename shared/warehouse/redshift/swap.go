package redshift

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/stagelift/stagelift/shared/table"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// kept is what a swap keeps of the table that it replaces.
type kept struct {
	// swap is true when a new table takes the target's name, recreate when it has
	// other types than the target.
	swap, recreate bool
	// columns are the target's.
	columns map[string]existing
	// grants are the rows of SHOW GRANTS ON TABLE.
	grants [][]string
}

// swaps is true for a load that may replace the table as a whole.
func swaps(load warehouse.Load) bool { return load.Swap || load.Recreate }

// keptStatements ask for what a swap has to know, in the order of kept.read.
func keptStatements(c Config, load warehouse.Load) []string {
	return []string{lookStatement(c, load), viewsStatement(c, load), "SHOW GRANTS ON TABLE " + load.Target.SQL()}
}

// readKept reads their answers, and refuses a swap that views are in the way of.
func readKept(c Config, load warehouse.Load, look, views, grants [][]string) (kept, error) {
	f, err := readLook(c, load, look)
	if err != nil {
		return kept{}, err
	}
	need, err := reconcile(c, load, f)
	if err != nil {
		return kept{}, err
	}
	k := kept{swap: load.Swap || need.recreate, recreate: need.recreate, columns: f.target, grants: grants}
	if !k.swap {
		return kept{}, nil
	}
	return k, bound(load, views, nil, "replace table "+load.Target.String()+" by a new one")
}

// swapping makes a new table in the transaction and gives it the target's name.
// Whoever reads the target goes on with the old one until the commit, and with the
// new one after it.
func swapping(load warehouse.Load, columns []staged, k kept) []statement {
	target := load.Target.SQL()
	prefix := "stagelift_" + load.ID[:min(16, len(load.ID))]
	fresh, old := table.Name{Schema: load.Target.Schema, Table: prefix + "_new"}, table.Name{Schema: load.Target.Schema, Table: prefix + "_old"}
	create := "CREATE TABLE " + fresh.SQL() + " (LIKE " + target + " INCLUDING DEFAULTS)"
	if k.recreate {
		create = "CREATE TABLE " + fresh.SQL() + " (" + k.definitions(columns) + ")" + layout(load.Layout)
	}
	statements := []statement{{text: create}}
	brought := "(SELECT 0 AS n) AS s"
	if load.Manifest != "" {
		statements = append(statements, insert(fresh.SQL(), columns, temporary(load, ""), ""))
		brought = countOf(temporary(load, ""), "s")
	}
	statements = append(statements, statement{check: checkTarget, text: failUnless("a.n = s.n", countOf(fresh.SQL(), "a")+", "+brought)})
	for _, grant := range k.grantStatements(fresh.SQL()) {
		statements = append(statements, statement{text: grant})
	}
	return append(statements,
		statement{text: "ALTER TABLE " + target + " RENAME TO " + table.Quote(old.Table)},
		statement{text: "ALTER TABLE " + fresh.SQL() + " RENAME TO " + table.Quote(load.Target.Table)},
		statement{text: "DROP TABLE " + old.SQL()},
		statement{text: "SELECT " + quote(remarksMark+k.remarks())},
	)
}

// definitions are the columns of the target in their order, with the types that the
// load has for them.
func (k kept) definitions(columns []staged) string {
	staged := map[string]string{}
	for _, column := range columns {
		staged[fold(column.Name)] = column.kind
	}
	names := slices.SortedFunc(maps.Keys(k.columns), func(a, b string) int { return int(k.columns[a].position - k.columns[b].position) })
	list := make([]string, len(names))
	for i, name := range names {
		there := k.columns[name].kind
		if there.name == "VARBYTE" && there.a == 0 { // not every view tells its length
			there.a = 16777216
		}
		kind := there.String()
		if now := staged[fold(name)]; now != "" {
			kind = now
		}
		list[i] = table.Quote(name) + " " + kind
	}
	return strings.Join(list, ", ")
}

// grantStatements grant the new table to whom the old one was granted.
func (k kept) grantStatements(fresh string) []string {
	to := map[string][]string{}
	for _, row := range k.grants {
		if len(row) != 9 || row[8] != "TABLE" {
			continue
		}
		who := table.Quote(row[5])
		option := ""
		switch row[6] {
		case "role", "group":
			who = strings.ToUpper(row[6]) + " " + who
		case "public":
			who = "PUBLIC"
		default:
			if row[7] == "true" || row[7] == "t" {
				option = " WITH GRANT OPTION"
			}
		}
		what := row[3] + option
		to[what] = append(to[what], who+option)
	}
	var list []string
	for _, what := range slices.Sorted(maps.Keys(to)) {
		privilege, _, _ := strings.Cut(what, " ")
		slices.Sort(to[what])
		list = append(list, "GRANT "+privilege+" ON TABLE "+fresh+" TO "+strings.Join(slices.Compact(to[what]), ", "))
	}
	return list
}

// remarksMark begins the literal by which a batch tells what comments people have
// put on columns: whoever sees its end may not be who began it, and the old table
// is gone by then.
const remarksMark = "stagelift comments "

func (k kept) remarks() string {
	own := map[string]string{}
	for name, there := range k.columns {
		if there.remark != "" && !there.ours() && !strings.HasPrefix(there.remark, commentOfLoad) {
			own[name] = there.remark
		}
	}
	data, err := json.Marshal(own)
	if err != nil { // texts alone
		return ""
	}
	return base64.StdEncoding.EncodeToString(data)
}

// remarksOf are the comments that a batch tells of, by column; swapped is false for
// one that has swapped nothing.
func remarksOf(ended description) (own map[string]string, swapped bool) {
	for _, sub := range ended.subs {
		text, told := strings.CutPrefix(aws.ToString(sub.QueryString), "SELECT '"+remarksMark)
		if !told {
			continue
		}
		data, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(text, "'"))
		if err != nil || json.Unmarshal(data, &own) != nil {
			return nil, true
		}
		return own, true
	}
	return nil, false
}

// putBack are the comments of people, on the new table.
func putBack(load warehouse.Load, own map[string]string) []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(own)) {
		list = append(list, fmt.Sprintf("COMMENT ON COLUMN %s.%s IS %s", load.Target.SQL(), table.Quote(name), quote(own[name])))
	}
	return list
}

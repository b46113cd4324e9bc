package snowflake

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/stagelift/stagelift/shared/warehouse"
)

// step is a request that a load waits for. As text it is the load's handle.
type step struct {
	// name is one of those below.
	name string
	// round counts how often the load was judged, from 1.
	round int
	// id is Snowflake's handle of the statement.
	id string
}

const (
	stepLoad  = "load"
	stepEnter = "enter" // the ledger alone: warehouse.Verdict, Enter
)

// String gives the handle.
func (s step) String() string { return fmt.Sprintf("%s.%d.%s", s.name, s.round, s.id) }

var stepShape = regexp.MustCompile(`^(load|enter)\.(\d{1,4})\.([0-9A-Za-z-]{1,64})$`)

func parseStep(handle string) (step, error) {
	m := stepShape.FindStringSubmatch(handle)
	if m == nil {
		return step{}, fmt.Errorf("handle %q: want what an answer gave, such as load.1.01b2c3d4-0000-1111-2222-333344445555", handle)
	}
	round, _ := strconv.Atoi(m[2]) // the shape admits digits alone
	return step{name: m[1], round: round, id: m[3]}, nil
}

func running(at step) warehouse.Outcome {
	return warehouse.Outcome{State: warehouse.Running, Handle: at.String(), Statements: []string{at.id}}
}

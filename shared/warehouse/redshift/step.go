package redshift

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/stagelift/stagelift/shared/warehouse"
)

// step is a statement that a load waits for. As text it is the load's handle.
type step struct {
	// name is one of those in the package's documentation, or confirm.
	name string
	// round counts how often the load began anew, from 1.
	round int
	// id is the Data API's.
	id string
	// of is the chunk of create, or the id of the load whose errors are asked
	// for.
	of string
}

const (
	stepLook    = "look"
	stepCreate  = "create"
	stepAlter   = "alter"
	stepLedger  = "ledger"
	stepLoad    = "load"
	stepConfirm = "confirm" // the ledger, for what a load has brought
	stepErrors  = "errors"
)

// String gives the handle.
func (s step) String() string {
	text := fmt.Sprintf("%s.%d.%s", s.name, s.round, s.id)
	if s.of != "" {
		text += "." + s.of
	}
	return text
}

var stepShape = regexp.MustCompile(`^(look|create|alter|ledger|load|confirm|errors)\.(\d{1,4})\.([0-9A-Za-z-]{1,64})(?:\.([0-9A-Za-z-]{1,64}))?$`)

func parseStep(handle string) (step, error) {
	m := stepShape.FindStringSubmatch(handle)
	if m == nil {
		return step{}, fmt.Errorf("handle %q: want what an answer gave, such as load.1.d9b6c0c9-0747-4bf4-b142-e8883122f766", handle)
	}
	round, _ := strconv.Atoi(m[2]) // the shape admits digits alone
	return step{name: m[1], round: round, id: m[3], of: m[4]}, nil
}

func running(at step) warehouse.Outcome {
	return warehouse.Outcome{State: warehouse.Running, Handle: at.String(), Statements: []string{at.id}}
}

package snowflake

import (
	"encoding/base64"
	"encoding/json"
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
	notes
}

// notes are what is to be known of a load when it has ended: whoever asks then may
// not be who began it.
type notes struct {
	Tell     telling            `json:"t"`
	Changes  []warehouse.Change `json:"changes,omitempty"`
	Warnings []string           `json:"warnings,omitempty"`
}

// notesLimit keeps a handle short; a table of very many new columns is told of as
// far as it goes.
const notesLimit = 8000

const (
	stepLoad  = "load"
	stepEnter = "enter" // the ledger alone: warehouse.Verdict, Enter
)

// String gives the handle.
func (s step) String() string {
	return fmt.Sprintf("%s.%d.%s.%s", s.name, s.round, s.id, s.encode())
}

func (n notes) encode() string {
	data, err := json.Marshal(n)
	if total := len(n.Changes); err == nil && len(data) > notesLimit && total > 0 {
		n.Changes = n.Changes[:total/2]
		n.Warnings = []string{fmt.Sprintf("of the changes of columns no more than the first %d are told", len(n.Changes))}
		return n.encode()
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

var stepShape = regexp.MustCompile(`^(load|enter)\.(\d{1,4})\.([0-9A-Za-z-]{1,64})(?:\.([0-9A-Za-z_-]+))?$`)

func parseStep(handle string) (step, error) {
	wrong := fmt.Errorf("handle %q: want what an answer gave, such as load.1.01b2c3d4-0000-1111-2222-333344445555.eyJ0Ijp7Im4iOjB9fQ", handle)
	m := stepShape.FindStringSubmatch(handle)
	if m == nil {
		return step{}, wrong
	}
	at := step{name: m[1], id: m[3]}
	at.round, _ = strconv.Atoi(m[2]) // the shape admits digits alone
	if m[4] == "" {                  // it tells nothing more
		return at, nil
	}
	data, err := base64.RawURLEncoding.DecodeString(m[4])
	if err != nil || json.Unmarshal(data, &at.notes) != nil {
		return step{}, wrong
	}
	return at, nil
}

func running(at step) warehouse.Outcome {
	return at.outcome(warehouse.Outcome{State: warehouse.Running, Handle: at.String(), Statements: []string{at.id}})
}

// outcome adds what was noted.
func (n notes) outcome(o warehouse.Outcome) warehouse.Outcome {
	o.Changes, o.Warnings = n.Changes, n.Warnings
	return o
}

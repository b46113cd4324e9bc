package redshift

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/stagelift/stagelift/shared/warehouse"
)

// step is a statement that a load waits for. As text it is the load's handle.
type step struct {
	// name is one of those in the package's documentation, or one of those below.
	name string
	// round counts how often the load began anew, from 1.
	round int
	// exact is true where quoted names keep their case.
	exact bool
	// id is the Data API's.
	id string
	// of is the number of a wish, or the id of the load that the step comes after.
	of string
	notes
}

const (
	stepLook     = "look"
	stepCreate   = "create"
	stepViews    = "views"
	stepAlter    = "alter"
	stepWish     = "wish"
	stepLedger   = "ledger"
	stepLoad     = "load"
	stepConfirm  = "confirm" // the ledger, for what a load has brought
	stepErrors   = "errors"
	stepRecent   = "recent"   // the same by time, where the query's number finds none
	stepRejected = "rejected" // rows that were left out of a load that is done
	stepFit      = "fit"      // the target's columns, for a text that is too long
)

// to is the step that comes next, of the same load.
func (s step) to(name string) step {
	s.name, s.id, s.of = name, "", ""
	return s
}

// String gives the handle.
func (s step) String() string {
	exact := ""
	if s.exact {
		exact = "x"
	}
	text := fmt.Sprintf("%s.%d%s.%s", s.name, s.round, exact, s.id)
	if s.of != "" {
		text += "." + s.of
	}
	return text + s.encode()
}

var stepShape = regexp.MustCompile(`^(look|create|views|alter|wish|ledger|load|confirm|errors|recent|rejected|fit)\.(\d{1,4})(x?)\.([0-9A-Za-z-]{1,64})(?:\.([0-9A-Za-z-]{1,64}))?(?:~([0-9A-Za-z_-]+))?$`)

func parseStep(handle string) (step, error) {
	wrong := fmt.Errorf("handle %q: want what an answer gave, such as load.1.d9b6c0c9-0747-4bf4-b142-e8883122f766", handle)
	m := stepShape.FindStringSubmatch(handle)
	if m == nil {
		return step{}, wrong
	}
	round, _ := strconv.Atoi(m[2]) // the shape admits digits alone
	at := step{name: m[1], round: round, exact: m[3] != "", id: m[4], of: m[5]}
	if m[6] == "" {
		return at, nil
	}
	data, err := base64.RawURLEncoding.DecodeString(m[6])
	if err != nil || json.Unmarshal(data, &at.notes) != nil {
		return step{}, wrong
	}
	return at, nil
}

func running(at step) warehouse.Outcome {
	return at.outcome(warehouse.Outcome{State: warehouse.Running, Handle: at.String(), Statements: []string{at.id}})
}

// notes are what is to be known of a load later on: whoever asks then may not be
// who began it.
type notes struct {
	Changes  []warehouse.Change `json:"c,omitempty"`
	Warnings []string           `json:"w,omitempty"`
	// Created is true once the load has created its target, Schema its schema.
	Created bool `json:"n,omitempty"`
	Schema  bool `json:"s,omitempty"`
	// Load is the id of the batch, once it is done, and Rows what it brought.
	Load string `json:"l,omitempty"`
	Rows int64  `json:"r,omitempty"`
}

// notesLimit keeps a handle short; a table of very many new columns is told of as
// far as it goes.
const notesLimit = 8000

func (n notes) encode() string {
	data, err := json.Marshal(n)
	switch total := len(n.Changes); {
	case err != nil || string(data) == "{}":
		return ""
	case len(data) > notesLimit && total > 0:
		n.Changes = n.Changes[:total/2]
		n.Warnings = []string{fmt.Sprintf("of the changes of columns no more than the first %d are told", len(n.Changes))}
		return n.encode()
	}
	return "~" + base64.RawURLEncoding.EncodeToString(data)
}

// noted adds changes that are not among them.
func (s step) noted(changes []warehouse.Change) step {
	s.Changes = slices.Clone(s.Changes)
	for _, change := range changes {
		if !slices.ContainsFunc(s.Changes, func(c warehouse.Change) bool { return c.Kind == change.Kind && c.Column == change.Column }) {
			s.Changes = append(s.Changes, change)
		}
	}
	return s
}

// outcome adds what was noted.
func (n notes) outcome(o warehouse.Outcome) warehouse.Outcome {
	o.Changes, o.Warnings = warehouse.Renames(n.Changes), n.Warnings
	return o
}

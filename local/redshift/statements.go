package redshift

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Recorded is a call of ExecuteStatement or BatchExecuteStatement that was
// accepted.
type Recorded struct {
	// ID is what it was answered with, Name its StatementName, or empty.
	ID, Name string
	// SQL are the texts of its statements, one for ExecuteStatement.
	SQL []string
	// Submitted is when it was accepted, Ended when it was finished, failed or
	// aborted; zero while it is under way.
	Submitted, Ended time.Time
	// Failed is true when it ended and nothing of it stayed.
	Failed bool
}

// Statements returns the calls that were accepted so far and that the API still
// knows, in their order.
func (s *Server) Statements() []Recorded {
	e := s.executions
	e.mu.Lock()
	defer e.mu.Unlock()
	var list []Recorded
	for _, x := range slices.SortedFunc(maps.Values(e.byID), inOrder) {
		r := Recorded{ID: x.id, Name: x.name, Submitted: x.created}
		for _, sub := range x.statements {
			r.SQL = append(r.SQL, sub.sql)
		}
		if x.status.over() {
			r.Ended, r.Failed = x.updated, x.status != finished
		}
		list = append(list, r)
	}
	return list
}

// inOrder compares by the numbers that statements are given one after the other.
func inOrder(a, b *execution) int {
	return cmp.Compare(a.statements[0].queryID, b.statements[0].queryID)
}

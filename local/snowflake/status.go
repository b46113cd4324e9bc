package snowflake

import (
	"fmt"
	"net/http"
	"strconv"
)

// status answers GET /api/v2/statements/{handle}.
func (s *Server) status(r *http.Request, handle string) (answer, error) {
	query := r.URL.Query()
	if err := checkQuery(query, "partition", "requestId"); err != nil {
		return answer{}, err
	}
	x := s.requests.find(handle)
	if x == nil {
		return answer{}, notFound(handle)
	}
	if !x.over() {
		return running(x), nil
	}
	partition := 0
	if given := query.Get("partition"); given != "" {
		var err error
		if partition, err = strconv.Atoi(given); err != nil || x.wrong == nil && !x.result.has(partition) {
			return answer{}, badRequest("there is no partition " + given + ".")
		}
	}
	return x.answer(partition, http.StatusUnprocessableEntity), nil
}

// cancel ends what runs and answers once it is gone. A commit under way is not
// ended: nobody could tell how it went.
func (s *Server) cancel(r *http.Request, handle string) (answer, error) {
	x := s.requests.find(handle)
	if x == nil {
		return answer{}, notFound(handle)
	}
	stopped := false
	s.requests.update(func() {
		if !x.over() && !x.committing && x.cancel != nil {
			x.canceled, stopped = true, true
			x.cancel()
		}
	})
	if stopped {
		select {
		case <-x.done:
		case <-r.Context().Done():
			return answer{}, r.Context().Err()
		}
	}
	if !stopped || x.wrong == nil {
		return answer{}, &refusal{
			status: http.StatusUnprocessableEntity, Code: "000605", SQLState: "02000", Handle: handle,
			Message: "Identified SQL statement is not currently executing.",
		}
	}
	return answer{status: http.StatusOK, body: &refusal{
		Code: errCanceled.code, SQLState: errCanceled.state, Message: errCanceled.message, Handle: handle, StatusURL: root + "/" + handle,
	}}, nil
}

func notFound(handle string) error {
	return &refusal{
		status: http.StatusUnprocessableEntity, Code: "000709", SQLState: "02000", Handle: handle,
		Message: fmt.Sprintf("Statement %s not found", handle),
	}
}

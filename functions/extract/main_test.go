package main

import (
	"errors"
	"fmt"
	"testing"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"github.com/stagelift/stagelift/shared/fault"
)

// A state machine catches by the type of an error.
func TestErrorsHaveTheTypeOfTheirCode(t *testing.T) {
	t.Parallel()
	if typed(nil) != nil {
		t.Error("success is an error")
	}
	for want, err := range map[string]error{
		"TablesFailed": fmt.Errorf("run: %w", fault.New(fault.TablesFailed, "", "a table failed")),
		"OutOfTime":    fault.New(fault.OutOfTime, "more time", "over"),
		"Internal":     errors.New("whatever"),
	} {
		var got messages.InvokeResponse_Error
		if !errors.As(typed(err), &got) || got.Type != want || got.Message != err.Error() {
			t.Errorf("%v: got %+v, want type %s", err, got, want)
		}
	}
}

package warehouse

import (
	"errors"

	"github.com/stagelift/stagelift/shared/fault"
)

// CodeOf is the code of what keeps a load from being done.
func CodeOf(err error) fault.Code {
	for _, kind := range []struct {
		err  error
		code fault.Code
	}{
		{ErrHeld, fault.Held},
		{ErrDoubles, fault.Doubles},
		{ErrLate, fault.Late},
		{ErrOtherSource, fault.OtherSource},
		{ErrRowCount, fault.RowCount},
		{ErrKeys, fault.Keys},
		{ErrColumn, fault.TargetColumn},
		{ErrBusy, fault.Busy},
	} {
		if errors.Is(err, kind.err) {
			return kind.code
		}
	}
	return fault.CodeOf(err, fault.Refused)
}

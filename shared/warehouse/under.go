package warehouse

import (
	"context"
	"fmt"
)

// FindUnder gives the loads that a verdict puts this one under, oldest first. The
// error is ErrLate when one of them cannot be found any more: its files are needed,
// for they say which rows it brought.
func FindUnder(ctx context.Context, load Load, v Verdict) ([]Load, error) {
	var list []Load
	for _, e := range v.Under {
		found, err := load.Find(ctx, e)
		if err == nil && found.ID != e.Load {
			err = fmt.Errorf("run %s is not what it was when it was loaded", e.Run)
		}
		if err != nil {
			return nil, heldError(ErrLate, load, fmt.Sprintf("run %s has, and its files cannot be read any more: %v", e.Run, err))
		}
		list = append(list, found)
	}
	return list, nil
}

// TooManyUnder is that a load would go under more loads than one transaction can
// read.
func TooManyUnder(load Load) error {
	return heldError(ErrLate, load, fmt.Sprintf("%d runs have, which are more than one transaction reads", len(load.Under)))
}

package snowflake

import "testing"

func TestHandlesAreReadBack(t *testing.T) {
	t.Parallel()
	for _, want := range []step{{stepLoad, 1, "01b2c3d4-0000-1111-2222-333344445555"}, {stepEnter, 99, "h1"}} {
		if got, err := parseStep(want.String()); err != nil || got != want {
			t.Errorf("%s: %+v, %v", want, got, err)
		}
	}
	for _, handle := range []string{"", "01b2c3d4-0000-1111-2222-333344445555", "load.1.", "load.x.h1", "load.1.h1/../h2", "drop.1.h1", "load.1.h1\n"} {
		if _, err := parseStep(handle); err == nil {
			t.Errorf("%q was taken for a handle", handle)
		} else {
			wantError(t, err, "want what an answer gave")
		}
	}
}

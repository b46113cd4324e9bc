package model

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// World is a source and the runs that read it.
type World struct {
	rng    *rand.Rand
	clock  int
	source map[int]Row
	// appends is a world whose windows are appended; else they are merged.
	appends bool
	// watermark is where the last window ended, noB whether windows leave b out.
	watermark string
	noB       bool
	sweeps    bool
	Receipts  []Receipt
}

// keys are how many the source may have.
const keys = 7

// Draw makes a world, and has it move and be read a number of times.
func Draw(seed uint64) *World {
	w := &World{rng: rand.New(rand.NewPCG(seed, 1)), source: map[int]Row{}} //nolint:gosec // the same histories for the same seed
	w.appends, w.noB = w.chance(3), w.chance(4)
	w.sweeps = !w.appends && w.chance(3)
	for range 2 + w.rng.IntN(9) {
		w.move()
		w.Receipts = append(w.Receipts, w.run())
	}
	return w
}

func (w *World) chance(of int) bool { return w.rng.IntN(of) == 0 }

// move changes some rows of the source. In a world of appends rows only come.
func (w *World) move() {
	for range w.rng.IntN(4) {
		w.clock++
		key := w.rng.IntN(keys)
		if w.appends {
			key = w.clock
		}
		if !w.appends && w.chance(5) {
			delete(w.source, key)
			continue
		}
		w.source[key] = Row{Key: key, A: w.clock, B: -w.clock, Cursor: w.clock}
	}
}

// run reads the source in one of the ways there are.
func (w *World) run() Receipt {
	switch n := w.rng.IntN(10); {
	case n < 5:
		return w.window(warehouse.Merge)
	case n < 6:
		return w.begunAnew()
	case w.appends:
		return w.besideAppends()
	case n < 7:
		return w.whole(warehouse.Replace)
	case n < 8:
		return w.whole(warehouse.Merge)
	}
	return w.filtered()
}

// besideAppends is what meets windows that are appended: a watermark that was lost,
// and whole tables.
func (w *World) besideAppends() Receipt {
	switch w.rng.IntN(4) {
	case 0:
		w.watermark = ""
		return w.window(warehouse.Merge)
	case 1:
		return w.whole(warehouse.Append)
	case 2:
		return w.whole(warehouse.Replace)
	}
	return w.window(warehouse.Merge)
}

func (w *World) receipt(mode warehouse.Mode, noB bool) Receipt {
	w.clock++
	r := Receipt{At: w.clock, Parity: -1, Load: warehouse.Load{
		ID: fmt.Sprintf("%064x", w.clock), Run: RunAt(w.clock), Source: Name, Target: Name, Mode: mode, Columns: Columns(!noB),
	}}
	if mode == warehouse.Merge {
		r.Load.Keys = []string{"id"}
	}
	if noB {
		r.Load.Absent = []string{"b"}
	}
	return r
}

// window reads what is new, and moves the watermark.
func (w *World) window(mode warehouse.Mode) Receipt {
	if w.appends && mode == warehouse.Merge {
		mode = warehouse.Append
	}
	r := w.receipt(mode, w.noB)
	to := strconv.Itoa(w.clock)
	r.Load.Window = &stage.Window{Column: "c", Type: "bigint", From: w.watermark, To: to}
	w.watermark = to
	if w.sweeps && mode == warehouse.Merge {
		r.Keys, r.Load.Sweep = sortedKeys(w.source), &warehouse.Sweep{}
		if r.Keys == nil {
			r.Keys = []int{}
		}
	}
	return w.read(r)
}

// begunAnew reads from the first row again, as a request with restart does.
func (w *World) begunAnew() Receipt {
	w.watermark = ""
	if w.appends {
		return w.window(warehouse.Replace)
	}
	return w.window(warehouse.Merge)
}

func (w *World) whole(mode warehouse.Mode) Receipt { return w.read(w.receipt(mode, w.chance(4))) }

func (w *World) filtered() Receipt {
	r := w.receipt(warehouse.Merge, w.chance(4))
	r.Parity = w.rng.IntN(2)
	r.Load.Filter = fmt.Sprintf("id %% 2 = %d", r.Parity)
	return w.read(r)
}

// read fills in the rows that the receipt is of.
func (w *World) read(r Receipt) Receipt {
	r.Rows = nil
	for _, key := range sortedKeys(w.source) {
		row := w.source[key]
		if r.Parity >= 0 && key%2 != r.Parity || !inWindow(r.Load.Window, row.Cursor) {
			continue
		}
		r.Rows = append(r.Rows, row)
	}
	r.Load.Rows = int64(len(r.Rows))
	return r
}

func inWindow(window *stage.Window, cursor int) bool {
	if window == nil {
		return true
	}
	from, _ := strconv.Atoi(window.From) // nothing is before all
	to, _ := strconv.Atoi(window.To)
	return from <= cursor && cursor < to
}

// Repair reads once more what a receipt is of, as a request with repair does.
func (w *World) Repair(of Receipt) Receipt {
	r := w.receipt(of.Load.Mode, !of.HasB())
	r.Parity, r.Load.Filter, r.Load.Window, r.Load.Repairs = of.Parity, of.Load.Filter, of.Load.Window, of.Load.Run
	return w.read(r)
}

// Restart begins the table anew.
func (w *World) Restart() Receipt { return w.begunAnew() }

// Deliveries are the receipts in the order in which they come: any, some twice.
func (w *World) Deliveries(of []Receipt) []Receipt {
	list := slices.Clone(of)
	for _, r := range of {
		if w.chance(3) {
			list = append(list, r)
		}
	}
	// Mostly a little out of order, sometimes in any.
	if w.chance(3) {
		w.rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		return list
	}
	for range len(list) / 2 {
		i := w.rng.IntN(len(list))
		j := min(i+w.rng.IntN(3), len(list)-1)
		list[i], list[j] = list[j], list[i]
	}
	return list
}

// Fails reports whether a delivery dies before it changes anything.
func (w *World) Fails() bool { return w.chance(8) }

// Choose is one of n, from 0.
func (w *World) Choose(n int) int { return w.rng.IntN(n) }

// Source is what the table is now.
func (w *World) Source() map[int]Row { return w.source }

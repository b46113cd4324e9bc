package stage_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/stage"
)

func swept() stage.Receipt {
	l := stage.Layout{Prefix: "stage/"}
	r := receipt()
	r.PrimaryKey, r.Filter, r.Absent = []string{"id"}, "id > 1", []string{"note", "state"}
	r.Load = stage.Load{Mode: "merge", Deletes: "soft", SchemaChanges: "add", Names: "upper", Add: []string{"run"}, Grants: []string{"ROLE a", `user "b "" c"`}}
	r.Sweep = &stage.Sweep{
		Manifest: l.KeysManifest(folder(), "7f3a91c2"), Rows: 7, Bytes: 30, Filter: "id > 1", Parts: []stage.Part{
			{Key: l.Keys(folder(), "", 0, "csv.gz"), Rows: 2, Bytes: 10, CRC32C: "AAAAAA=="},
			{Key: l.Keys(folder(), "7f3a91c2", 1, "csv.gz"), Rows: 5, Bytes: 20, CRC32C: "AAAAAA=="},
		},
	}
	return r
}

func TestReceiptOfASweepThereAndBack(t *testing.T) {
	t.Parallel()
	l := stage.Layout{Prefix: "stage/"}
	empty := swept()
	empty.Sweep = &stage.Sweep{Parts: []stage.Part{}, Filter: "id > 1"}
	alone := swept() // a window without rows
	alone.Parts, alone.Rows, alone.Bytes, alone.Manifest = []stage.Part{}, 0, 0, ""
	for _, r := range []stage.Receipt{swept(), empty, alone} {
		data, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := l.DecodeReceipt(l.Receipt(folder()), data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, got); diff != "" {
			t.Errorf("receipt (-want +got):\n%s", diff)
		}
	}
}

// A sweep deletes, so what it says is looked at closely.
func TestReceiptThatCannotCoverWhatItSaysIsRefused(t *testing.T) {
	t.Parallel()
	l := stage.Layout{Prefix: "stage/"}
	for name, bend := range map[string]func(*stage.Receipt){
		"total of keys":          func(r *stage.Receipt) { r.Sweep.Rows++ },
		"total of their bytes":   func(r *stage.Receipt) { r.Sweep.Bytes++ },
		"keys left out":          func(r *stage.Receipt) { r.Sweep.Parts = r.Sweep.Parts[:1] },
		"keys among the parts":   func(r *stage.Receipt) { r.Sweep.Parts[0].Key = r.Parts[0].Key },
		"parts among the keys":   func(r *stage.Receipt) { r.Parts[0].Key = r.Sweep.Parts[0].Key },
		"keys of another folder": func(r *stage.Receipt) { r.Sweep.Parts[0].Key = "stage/shop/public.secret/x/keys-00000.csv.gz" },
		"keys twice":             func(r *stage.Receipt) { r.Sweep.Parts[1].Key = r.Sweep.Parts[0].Key },
		"the rows' manifest":     func(r *stage.Receipt) { r.Sweep.Manifest = r.Manifest },
		"no manifest":            func(r *stage.Receipt) { r.Sweep.Manifest = "" },
		"a manifest of nothing":  func(r *stage.Receipt) { r.Sweep.Parts, r.Sweep.Rows, r.Sweep.Bytes = nil, 0, 0 },
		"another filter":         func(r *stage.Receipt) { r.Sweep.Filter = "" },
		"a filter of the rows":   func(r *stage.Receipt) { r.Filter = "" },
		"another mode":           func(r *stage.Receipt) { r.Load.Mode = "append" },
		"nobody asked":           func(r *stage.Receipt) { r.Load.Deletes = "" },
		"no key":                 func(r *stage.Receipt) { r.PrimaryKey = nil },
		"a key that is not read": func(r *stage.Receipt) { r.Load.Keys = []string{"id", "note"} },
		"absent and there":       func(r *stage.Receipt) { r.Absent = []string{"id"} },
		"absent twice":           func(r *stage.Receipt) { r.Absent = []string{"a", "a"} },
		"absent without a name":  func(r *stage.Receipt) { r.Absent = []string{""} },
		"a word":                 func(r *stage.Receipt) { r.Load.Deletes = "all" },
		"a grant":                func(r *stage.Receipt) { r.Load.Grants = []string{"ROLE a, b"} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := swept()
			bend(&r)
			data, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := l.DecodeReceipt(l.Receipt(folder()), data); err == nil {
				t.Error("it was taken")
			}
		})
	}
}

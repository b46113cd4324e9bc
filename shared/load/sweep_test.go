package load

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// sweep stages keys beside a table, and what else a receipt says of its load.
func (b *bundle) sweep() staged {
	b.Helper()
	s := b.stage("orders", "1\n2\n")
	f := stage.Folder{Database: s.Database, Table: s.Table, Run: s.Run}
	at := b.job.Layout.Keys(f, "", 0, "csv")
	a := b.put(at, []byte("1\n2\n3\n"))
	s.PrimaryKey, s.Absent = []string{"id"}, []string{"note"}
	s.Load = stage.Load{
		Mode: "merge", Deletes: "soft", SchemaChanges: "add", Names: "upper", Add: []string{"run", "loaded_at"}, Grants: []string{"ROLE r"},
	}
	s.Sweep = &stage.Sweep{
		Manifest: b.job.Layout.KeysManifest(f, ""), Rows: 3, Bytes: a.Size, Parts: []stage.Part{{Key: at, Rows: 3, Bytes: a.Size, CRC32C: a.CRC32C}},
	}
	manifest, err := stage.NewManifest(b.job.Bucket, s.Sweep.Parts).Encode()
	if err != nil {
		b.Fatal(err)
	}
	b.put(s.Sweep.Manifest, manifest)
	b.publish(s)
	return s
}

func TestSweepsAndOptionsReachTheWarehouse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := b.sweep()
	if _, err := b.job.Handle(t.Context(), b.notification(s.key)); err != nil {
		t.Fatal(err)
	}
	got := b.warehouse.asked[0]
	want := &warehouse.Sweep{
		Soft: true, Manifest: "s3://" + b.job.Bucket + "/" + s.Sweep.Manifest, Rows: 3,
		Parts: []warehouse.Part{{Key: s.Sweep.Parts[0].Key, Rows: 3, Bytes: 6}},
	}
	if diff := cmp.Diff(want, got.Sweep); diff != "" {
		t.Errorf("sweep (-want +got):\n%s", diff)
	}
	options := warehouse.Options{Changes: warehouse.AddOnly, Names: warehouse.Upper, AddRun: true, AddLoadedAt: true, Grants: []string{"ROLE r"}}
	if diff := cmp.Diff(options, got.Options); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"note"}, got.Absent); diff != "" || got.Keys[0] != "id" {
		t.Errorf("keys %v, absent (-want +got):\n%s", got.Keys, diff)
	}
}

// Keys that are missing would delete rows that are there.
func TestTamperedKeysAreNotLoaded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		bend func(b *bundle, s staged)
		want string
	}{
		"missing":          {func(b *bundle, s staged) { b.remove(s.Sweep.Parts[0].Key) }, "keys-00000.csv is missing"},
		"fewer":            {func(b *bundle, s staged) { b.put(s.Sweep.Parts[0].Key, []byte("1\n2\n")) }, "keys-00000.csv has 4 bytes, want 6"},
		"others":           {func(b *bundle, s staged) { b.put(s.Sweep.Parts[0].Key, []byte("1\n2\n4\n")) }, "keys-00000.csv has CRC-32C"},
		"another manifest": {func(b *bundle, s staged) { b.put(s.Sweep.Manifest, []byte(`{"entries":[]}`)) }, "does not list the receipt's parts"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			s := b.sweep()
			c.bend(b, s)
			_, err := b.job.Handle(t.Context(), b.notification(s.key))
			wantError(t, err, c.want, "nothing was loaded")
			b.wantNothingLoaded()
		})
	}
}

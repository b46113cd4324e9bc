package stage_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/shared/stage"
	"github.com/stagelift/stagelift/shared/table"
)

const run = stage.RunID("20261121T003000Z-7f3a91c2")

func folder() stage.Folder {
	return stage.Folder{Database: "shop", Table: table.Name{Schema: "public", Table: "Order Items"}, Run: run}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	l := stage.Layout{Prefix: "stage/"}
	got := []string{l.Part(folder(), "", 7, "csv.gz"), l.Manifest(folder(), ""), l.Receipt(folder()), l.Run("shop", run), l.Load("a/b", "ff")}
	want := []string{
		"stage/shop/public.Order%20Items/20261121T003000Z-7f3a91c2/part-00007.csv.gz",
		"stage/shop/public.Order%20Items/20261121T003000Z-7f3a91c2/manifest.json",
		"stage/shop/public.Order%20Items/20261121T003000Z-7f3a91c2/receipt.json",
		"stage/shop/_runs/20261121T003000Z-7f3a91c2.json",
		"stage/a%2Fb/_loads/ff.json",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

func TestForeignKeysAreRefused(t *testing.T) {
	t.Parallel()
	l := stage.Layout{Prefix: "stage/"}
	for _, key := range []string{
		"",
		"receipt.json",
		"other/shop/public.orders/20261121T003000Z-7f3a91c2/receipt.json",
		"stage/shop/public.orders/20261121T003000Z-7f3a91c2/manifest.json",
		"stage/shop/public.orders/20261121T003000Z-7f3a91c2/x/receipt.json",
		"stage/shop/public/20261121T003000Z-7f3a91c2/receipt.json",
		"stage/shop/public.a.b/20261121T003000Z-7f3a91c2/receipt.json",
		"stage/shop/public.orders/latest/receipt.json",
		"stage/shop/public.a%2fb/20261121T003000Z-7f3a91c2/receipt.json",
		"stage/shop/public.a%41/20261121T003000Z-7f3a91c2/receipt.json",
		"stage/shop/public.a%4/20261121T003000Z-7f3a91c2/receipt.json",
		"stage/shop/public.a b/20261121T003000Z-7f3a91c2/receipt.json",
		"stage//public.orders/20261121T003000Z-7f3a91c2/receipt.json",
	} {
		if f, err := l.ParseReceipt(key); !errors.Is(err, stage.ErrForeignKey) {
			t.Errorf("key %q was taken for %+v, %v", key, f, err)
		}
	}
}

func FuzzKeysThereAndBack(f *testing.F) {
	f.Add("stage/", "shop", "public", "orders")
	f.Add("", "a/b", "x.y", "100% *?\x00\xff")
	f.Add("p/", "_runs", "_", "名前")
	f.Fuzz(func(t *testing.T, prefix, database, schema, name string) {
		if database == "" || schema == "" || name == "" {
			return
		}
		l := stage.Layout{Prefix: prefix}
		want := stage.Folder{Database: database, Table: table.Name{Schema: schema, Table: name}, Run: run}
		key := l.Receipt(want)
		got, err := l.ParseReceipt(key)
		if err != nil || got != want {
			t.Fatalf("%+v has the key %q, which reads back as %+v, %v", want, key, got, err)
		}
		if strings.Trim(strings.TrimPrefix(key, prefix), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_%./") != "" {
			t.Fatalf("key %q has unsafe characters", key)
		}
	})
}

func FuzzParseReceiptTakesOnlyItsOwn(f *testing.F) {
	f.Add("stage/shop/public.orders/20261121T003000Z-7f3a91c2/receipt.json")
	f.Add("stage/shop/public.%2E/20261121T003000Z-7f3a91c2/receipt.json")
	f.Fuzz(func(t *testing.T, key string) {
		l := stage.Layout{Prefix: "stage/"}
		folder, err := l.ParseReceipt(key)
		if err == nil && l.Receipt(folder) != key {
			t.Fatalf("key %q reads as %+v, whose key is %q", key, folder, l.Receipt(folder))
		}
	})
}

func TestRunIDsSortByTime(t *testing.T) {
	t.Parallel()
	early := stage.NewRunID(time.Date(2026, 11, 21, 2, 30, 0, 0, time.FixedZone("CET", 3600)))
	late := stage.NewRunID(time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC))
	if early >= late || !strings.HasPrefix(string(early), "20261121T013000Z-") {
		t.Errorf("%s should sort before %s", early, late)
	}
	if _, err := stage.ParseRunID(string(early)); err != nil {
		t.Error(err)
	}
	before := stage.RunID("")
	for at := time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC); at.Second() < 2; at = at.Add(9_999_999) {
		id := stage.NewRunID(at)
		if _, err := stage.ParseRunID(string(id)); err != nil || id <= before {
			t.Fatalf("%s comes after %s, and does not sort after it; %v", id, before, err)
		}
		before = id
	}
}

func receipt() stage.Receipt {
	l := stage.Layout{Prefix: "stage/"}
	return stage.Receipt{
		Version: stage.ReceiptVersion, Run: run, Database: "shop", Table: folder().Table, Consistency: "snapshot",
		Snapshot: stage.Snapshot{ID: "00000003-1", LSN: "0/15", At: time.Date(2026, 11, 21, 0, 30, 0, 0, time.UTC)},
		Columns:  []table.Column{{Name: "id", Type: "bigint"}},
		Format:   stage.Format{Name: "csv", Compression: "gzip", Null: `\N`, Delimiter: ","},
		Manifest: l.Manifest(folder(), ""),
		Parts: []stage.Part{
			{Key: l.Part(folder(), "", 0, "csv.gz"), Rows: 2, Bytes: 10, CRC32C: "AAAAAA=="},
			{Key: l.Part(folder(), "7f3a91c2", 0, "csv.gz"), Rows: 3, Bytes: 20, CRC32C: "AAAAAA=="},
		},
		Rows: 5, Bytes: 30, Load: stage.Load{Mode: "append"},
	}
}

func TestReceiptThereAndBack(t *testing.T) {
	t.Parallel()
	l := stage.Layout{Prefix: "stage/"}
	data, err := receipt().Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := l.DecodeReceipt(l.Receipt(folder()), data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(receipt(), got); diff != "" {
		t.Errorf("receipt (-want +got):\n%s", diff)
	}
	if a, b := stage.LoadID(data), stage.LoadID(append(data, ' ')); a == b || len(a) != 64 {
		t.Errorf("load ids %s and %s", a, b)
	}
}

func TestReceiptThatDisagreesIsRefused(t *testing.T) {
	t.Parallel()
	l := stage.Layout{Prefix: "stage/"}
	for name, bend := range map[string]func(*stage.Receipt){
		"total rows":          func(r *stage.Receipt) { r.Rows++ },
		"total bytes":         func(r *stage.Receipt) { r.Bytes-- },
		"rows of a part":      func(r *stage.Receipt) { r.Parts[0].Rows++ },
		"a part left out":     func(r *stage.Receipt) { r.Parts = r.Parts[:1] },
		"an empty part":       func(r *stage.Receipt) { r.Parts[0].Rows, r.Rows = 0, 3 },
		"a part of elsewhere": func(r *stage.Receipt) { r.Parts[0].Key = "stage/shop/public.secret/x/part-00000.csv.gz" },
		"a part twice":        func(r *stage.Receipt) { r.Parts[1] = r.Parts[0]; r.Rows, r.Bytes = 4, 20 },
		"a part of no attempt": func(r *stage.Receipt) {
			r.Parts[0].Key = strings.Replace(r.Parts[0].Key, "part-00000", "part-00000-", 1)
		},
		"a part of an odd attempt": func(r *stage.Receipt) {
			r.Parts[0].Key = strings.Replace(r.Parts[0].Key, "part-00000", "part-00000-A", 1)
		},
		"a part with another number": func(r *stage.Receipt) {
			r.Parts[0].Key = strings.Replace(r.Parts[0].Key, "part-00000", "part-000000", 1)
		},
		"a manifest elsewhere": func(r *stage.Receipt) {
			r.Manifest = "stage/other/manifest.json"
		},
		"a manifest of an odd attempt": func(r *stage.Receipt) {
			r.Manifest = strings.Replace(r.Manifest, "manifest", "manifest-A/b", 1)
		},
		"another table":    func(r *stage.Receipt) { r.Table.Table = "orders" },
		"another database": func(r *stage.Receipt) { r.Database = "shop2" },
		"another run":      func(r *stage.Receipt) { r.Run = "20261121T003000Z-00000000" },
		"another version":  func(r *stage.Receipt) { r.Version = 2 },
		"no columns":       func(r *stage.Receipt) { r.Columns = nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := receipt()
			bend(&r)
			data, err := json.Marshal(r) // Encode would refuse it
			if err != nil {
				t.Fatal(err)
			}
			if _, err := l.DecodeReceipt(l.Receipt(folder()), data); err == nil {
				t.Error("it was taken")
			}
		})
	}
	for _, data := range []string{"", "{}", "[]", `{"version":1,"surprise":2}`} {
		if _, err := l.DecodeReceipt(l.Receipt(folder()), []byte(data)); err == nil {
			t.Errorf("receipt %q was taken", data)
		}
	}
}

func TestManifestIsWhatCOPYReads(t *testing.T) {
	t.Parallel()
	got, err := stage.NewManifest("bucket", receipt().Parts[:1]).Encode()
	if err != nil {
		t.Fatal(err)
	}
	want := `{
 "entries": [
  {
   "url": "s3://bucket/stage/shop/public.Order%20Items/20261121T003000Z-7f3a91c2/part-00000.csv.gz",
   "mandatory": true,
   "meta": {
    "content_length": 10
   }
  }
 ]
}
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("manifest (-want +got):\n%s", diff)
	}
}

package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var today = time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)

// root is a root as RDS has it, but for its key: all are of one small kind, as
// the check reads the kind from the name.
func root(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name, Organization: []string{"Amazon Web Services, Inc."}},
		NotBefore: today.AddDate(-5, 0, 0), NotAfter: today.AddDate(35, 0, 0),
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign,
	}
}

func roots(region string) []*x509.Certificate {
	list := make([]*x509.Certificate, len(kinds))
	for i, kind := range kinds {
		list[i] = root(fmt.Sprintf("Amazon RDS %s Root CA %s", region, kind))
	}
	return list
}

// bundle signs each certificate with a key of its own and joins them.
func bundle(t *testing.T, templates ...*x509.Certificate) []byte {
	t.Helper()
	var file bytes.Buffer
	for _, template := range templates {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		if err := pem.Encode(&file, &pem.Block{Type: "CERTIFICATE", Bytes: der}); err != nil {
			t.Fatal(err)
		}
	}
	return file.Bytes()
}

func TestCheckTakesABundle(t *testing.T) {
	t.Parallel()
	expired := root("Amazon RDS ap-south-1 Root CA RSA2048 G1")
	expired.NotAfter = today.AddDate(0, 0, -1)
	templates := append(append(roots("eu-central-1"), roots("us-gov-west-1")...), expired)
	count, err := check(append([]byte("\n"), bundle(t, templates...)...), 7, today)
	if err != nil || count != 7 {
		t.Errorf("check is %d, %v, want 7 certificates", count, err)
	}
}

func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	good := bundle(t, roots("eu-central-1")...)
	for name, test := range map[string]struct {
		file func(t *testing.T) []byte
		want string
	}{
		"an empty file":          {func(*testing.T) []byte { return []byte(" \n") }, "it is empty"},
		"a page of HTML":         {func(*testing.T) []byte { return []byte("<html>") }, "offset 0 is not the start of a certificate"},
		"a file too large":       {func(*testing.T) []byte { return make([]byte, largest+1) }, "bytes, want"},
		"a file cut short":       {func(*testing.T) []byte { return good[:len(good)-40] }, "damaged or cut short"},
		"text after the end":     {func(*testing.T) []byte { return append(bytes.Clone(good), "trailing"...) }, "not the start of a certificate"},
		"too few":                {func(t *testing.T) []byte { t.Helper(); return bundle(t, roots("eu-central-1")[:2]...) }, "it holds 2 certificates, want 3"},
		"no roots of RDS":        {manyOf("Somebody's Root CA RSA2048 G1"), `no "Amazon RDS <region> Root CA RSA2048 G1"`},
		"one kind missing":       {manyOf("Amazon RDS eu-central-1 Root CA RSA2048 G1"), `no "Amazon RDS <region> Root CA RSA4096 G1"`},
		"a kind expired":         {changed(1, func(c *x509.Certificate) { c.NotAfter = today.AddDate(0, 0, -1) }), "Root CA RSA4096 G1"},
		"a kind not valid yet":   {changed(2, func(c *x509.Certificate) { c.NotBefore = today.AddDate(0, 0, 1) }), "Root CA ECC384 G1"},
		"a server's certificate": {changed(0, func(c *x509.Certificate) { c.IsCA, c.KeyUsage = false, x509.KeyUsageDigitalSignature }), "it is not an authority's"},
		"a private key": {func(*testing.T) []byte {
			return append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}), good...)
		}, "holds a PRIVATE KEY"},
		"a damaged middle": {func(*testing.T) []byte {
			second := bytes.LastIndex(good, []byte("-----END"))
			return append(bytes.Clone(good[:second-10]), good[second:]...)
		}, "certificate at offset"},
		"a changed byte": {func(t *testing.T) []byte {
			t.Helper()
			block, rest := pem.Decode(good)
			block.Bytes[len(block.Bytes)-1] ^= 1 // the end of the signature
			return append(pem.EncodeToMemory(block), rest...)
		}, "certificate of"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := check(test.file(t), 3, today)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want it to say %q", err, test.want)
			}
		})
	}
}

func manyOf(name string) func(*testing.T) []byte {
	return func(t *testing.T) []byte { t.Helper(); return bundle(t, root(name), root(name), root(name)) }
}

func changed(index int, change func(*x509.Certificate)) func(*testing.T) []byte {
	return func(t *testing.T) []byte {
		t.Helper()
		list := roots("eu-central-1")
		change(list[index])
		return bundle(t, list...)
	}
}

func TestRunNamesTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "bundle.pem")
	if err := os.WriteFile(path, bundle(t, roots("eu-central-1")...), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(path, 3); err != nil {
		t.Error(err)
	}
	if err := run(path, 4); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error is %v, want it to name the file", err)
	}
}

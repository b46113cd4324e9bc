package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"
)

// largest is many times the size of the file, about 160 KiB in 2026.
const largest = 4 << 20

// kinds are the authorities that RDS serves from, one of each for a region
// (RDS User Guide, "Using SSL/TLS to encrypt a connection to a DB instance").
var kinds = []string{"RSA2048 G1", "RSA4096 G1", "ECC384 G1"}

var rdsRoot = regexp.MustCompile(`^Amazon RDS [a-z0-9-]+ Root CA ([A-Z0-9]+ G\d+)$`)

// check returns how many certificates the file holds.
func check(data []byte, least int, now time.Time) (int, error) {
	if len(data) > largest {
		return 0, fmt.Errorf("it has %d bytes, want %d at most", len(data), largest)
	}
	certificates, err := parse(data)
	if err != nil {
		return 0, err
	}
	if len(certificates) < least {
		return 0, fmt.Errorf("it holds %d certificates, want %d at least", len(certificates), least)
	}
	var valid []string
	for _, c := range certificates {
		if err := checkAuthority(c); err != nil {
			return 0, fmt.Errorf("certificate of %q: %w", c.Subject.CommonName, err)
		}
		kind := rdsRoot.FindStringSubmatch(c.Subject.CommonName)
		if kind != nil && !now.Before(c.NotBefore) && !now.After(c.NotAfter) {
			valid = append(valid, kind[1])
		}
	}
	for _, kind := range kinds {
		if !slices.Contains(valid, kind) {
			return 0, fmt.Errorf(`no "Amazon RDS <region> Root CA %s" in it is valid on %s`, kind, now.Format(time.DateOnly))
		}
	}
	return len(certificates), nil
}

// parse wants nothing in the file but certificates and blank lines. pem.Decode
// alone would pass over what is damaged.
func parse(data []byte) ([]*x509.Certificate, error) {
	var certificates []*x509.Certificate
	for rest := bytes.TrimSpace(data); len(rest) > 0; {
		if !bytes.HasPrefix(rest, []byte("-----BEGIN ")) {
			return nil, fmt.Errorf("offset %d is not the start of a certificate", len(data)-len(rest))
		}
		block, after := pem.Decode(rest)
		if block == nil || bytes.Count(rest[:len(rest)-len(after)], []byte("-----BEGIN ")) != 1 {
			return nil, fmt.Errorf("the certificate at offset %d is damaged or cut short", len(data)-len(rest))
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("offset %d holds a %s, want certificates only", len(data)-len(rest), block.Type)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("parsing the certificate at offset %d: %w", len(data)-len(rest), err)
		}
		certificates = append(certificates, c)
		rest = bytes.TrimSpace(after)
	}
	if len(certificates) == 0 {
		return nil, errors.New("it is empty")
	}
	return certificates, nil
}

// checkAuthority wants an authority, and of one that signed itself, its
// signature.
func checkAuthority(c *x509.Certificate) error {
	if !c.BasicConstraintsValid || !c.IsCA {
		return errors.New("it is not an authority's")
	}
	if bytes.Equal(c.RawSubject, c.RawIssuer) {
		return c.CheckSignatureFrom(c)
	}
	return nil
}

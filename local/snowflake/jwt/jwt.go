// Package jwt signs and checks the JSON Web Tokens that the stand-ins of
// Snowflake and STS use: RS256 (RSA, SHA-256) and ES384 (P-384, SHA-384), in
// the compact form of RFC 7515. Other algorithms are refused, "none" above all.
//
// Claims are the caller's: nothing of them is looked at here, not even when
// they expire.
package jwt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// The algorithms.
const (
	RS256 = "RS256"
	ES384 = "ES384"
)

// es384Half is how long each of the two numbers of an ES384 signature is.
const es384Half = 48

// Token is a token whose signature is yet to be checked.
type Token struct {
	// Algorithm and KeyID are the header's alg and kid.
	Algorithm, KeyID string
	// Claims is the payload, a JSON object.
	Claims json.RawMessage

	signed, signature []byte
}

type header struct {
	Algorithm string `json:"alg"`
	Type      string `json:"typ,omitempty"`
	KeyID     string `json:"kid,omitempty"`
}

// Sign returns a token over the claims. The key is an *rsa.PrivateKey, or an
// *ecdsa.PrivateKey on P-384.
func Sign(claims any, keyID string, key crypto.Signer) (string, error) {
	h := header{Algorithm: RS256, Type: "JWT", KeyID: keyID}
	if _, elliptic := key.(*ecdsa.PrivateKey); elliptic {
		h.Algorithm = ES384
	}
	var parts []string
	for _, part := range []any{h, claims} {
		text, err := json.Marshal(part)
		if err != nil {
			return "", fmt.Errorf("encoding a token: %w", err)
		}
		parts = append(parts, base64.RawURLEncoding.EncodeToString(text))
	}
	signature, err := sign(strings.Join(parts, "."), key)
	if err != nil {
		return "", fmt.Errorf("signing a token: %w", err)
	}
	return strings.Join(append(parts, base64.RawURLEncoding.EncodeToString(signature)), "."), nil
}

func sign(text string, key crypto.Signer) ([]byte, error) {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		digest := sha256.Sum256([]byte(text))
		return rsa.SignPKCS1v15(rand.Reader, k, crypto.SHA256, digest[:])
	case *ecdsa.PrivateKey:
		digest := sha512.Sum384([]byte(text))
		r, s, err := ecdsa.Sign(rand.Reader, k, digest[:])
		if err != nil {
			return nil, err
		}
		signature := make([]byte, 2*es384Half)
		r.FillBytes(signature[:es384Half])
		s.FillBytes(signature[es384Half:])
		return signature, nil
	}
	return nil, fmt.Errorf("a key of type %T", key)
}

// Parse takes a token apart. Nothing of it is to be believed before Verify.
func Parse(s string) (Token, error) {
	parts := strings.Split(s, ".")
	if len(parts) != 3 {
		return Token{}, errors.New("reading a token: want three parts")
	}
	var decoded [3][]byte
	for i, part := range parts {
		var err error
		if decoded[i], err = base64.RawURLEncoding.Strict().DecodeString(part); err != nil {
			return Token{}, fmt.Errorf("reading a token: part %d is not base64url", i+1)
		}
	}
	var h header
	if err := json.Unmarshal(decoded[0], &h); err != nil {
		return Token{}, errors.New("reading a token: its header is not JSON")
	}
	return Token{
		Algorithm: h.Algorithm, KeyID: h.KeyID, Claims: decoded[1],
		signed: []byte(parts[0] + "." + parts[1]), signature: decoded[2],
	}, nil
}

// Verify checks the signature. The key decides which algorithm there must be.
func (t Token) Verify(key crypto.PublicKey) error {
	switch k := key.(type) {
	case *rsa.PublicKey:
		digest := sha256.Sum256(t.signed)
		if t.Algorithm != RS256 {
			return fmt.Errorf("checking a token: algorithm %q, want %s", t.Algorithm, RS256)
		}
		if rsa.VerifyPKCS1v15(k, crypto.SHA256, digest[:], t.signature) == nil {
			return nil
		}
	case *ecdsa.PublicKey:
		digest := sha512.Sum384(t.signed)
		if t.Algorithm != ES384 || len(t.signature) != 2*es384Half {
			return fmt.Errorf("checking a token: algorithm %q, want %s", t.Algorithm, ES384)
		}
		r, s := new(big.Int).SetBytes(t.signature[:es384Half]), new(big.Int).SetBytes(t.signature[es384Half:])
		if ecdsa.Verify(k, digest[:], r, s) {
			return nil
		}
	default:
		return fmt.Errorf("checking a token: no key of type %T", key)
	}
	return errors.New("checking a token: the signature does not match")
}

package snowflake

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	keyPairType = "KEYPAIR_JWT"
	// keyPairLife is well below the hour that Snowflake allows.
	keyPairLife = 15 * time.Minute
	// smallestKey is what Snowflake asks for (guide, "Key-pair authentication").
	smallestKey = 2048
)

// Secret reads the private key, unencrypted PKCS #8 in PEM. It is called for
// every new token, so that a key that was rotated is found.
type Secret interface {
	Secret(ctx context.Context) ([]byte, error)
}

// KeyPair signs tokens with the private key of a Snowflake user.
type KeyPair struct {
	account, user string
	secret        Secret
	now           func() time.Time
}

// NewKeyPair checks that account and user are there. The key is read when the
// first token is needed.
func NewKeyPair(account, user string, secret Secret) (*KeyPair, error) {
	_, err := hostOf(account)
	if user == "" {
		err = errors.Join(err, errors.New("user is missing"))
	}
	if secret == nil {
		err = errors.Join(err, errors.New("secret is missing"))
	}
	if err != nil {
		return nil, fmt.Errorf("configuring the key pair: %w", err)
	}
	return &KeyPair{account: account, user: user, secret: secret, now: time.Now}, nil
}

// Token reads the key and signs a JWT.
func (k *KeyPair) Token(ctx context.Context) (Token, error) {
	content, err := k.secret.Secret(ctx)
	if err != nil {
		return Token{}, fmt.Errorf("reading the private key of user %s: %w", k.user, err)
	}
	key, err := parseKey(content)
	if err != nil {
		return Token{}, fmt.Errorf("reading the private key of user %s: %w", k.user, err)
	}
	now := k.now()
	expires := now.Add(keyPairLife)
	jwt, err := sign(key, k.claims(&key.PublicKey, now, expires))
	if err != nil {
		return Token{}, fmt.Errorf("signing a token for user %s: %w", k.user, err)
	}
	return Token{Type: keyPairType, Value: jwt, Expires: expires}, nil
}

// claims are those of Snowflake's guide, "Authenticating to the server".
type claims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	IssuedAt int64  `json:"iat"`
	Expires  int64  `json:"exp"`
}

func (k *KeyPair) claims(public *rsa.PublicKey, now, expires time.Time) claims {
	subject := claimedAccount(k.account) + "." + strings.ToUpper(k.user)
	return claims{
		Issuer: subject + "." + fingerprint(public), Subject: subject,
		IssuedAt: now.Unix(), Expires: expires.Unix(),
	}
}

// fingerprint is RSA_PUBLIC_KEY_FP of DESCRIBE USER.
func fingerprint(public *rsa.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "" // an RSA key always has this form
	}
	sum := sha256.Sum256(der)
	return "SHA256:" + base64.StdEncoding.EncodeToString(sum[:])
}

// errKey says nothing of the content: it may be a key in another form.
var errKey = errors.New("want an unencrypted RSA key, PKCS #8 in PEM (BEGIN PRIVATE KEY), of 2048 bits or more")

func parseKey(content []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(content)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, errKey
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errKey
	}
	key, isRSA := parsed.(*rsa.PrivateKey)
	if !isRSA || key.N.BitLen() < smallestKey {
		return nil, errKey
	}
	return key, nil
}

// sign returns a JSON Web Token (RFC 7519) signed with RS256.
func sign(key *rsa.PrivateKey, c claims) (string, error) {
	payload, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + encode(payload)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		return "", err
	}
	return text + "." + encode(signature), nil
}

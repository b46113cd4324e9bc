package stack_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stagelift/stagelift/local/lambdahost"
	"github.com/stagelift/stagelift/local/stack"
	"github.com/stagelift/stagelift/shared/load"
	"github.com/stagelift/stagelift/shared/warehouse"
)

// loaded tells how a load ended that an invocation was asked for.
func loaded(result lambdahost.Result, err error) (warehouse.State, error) {
	if err != nil {
		return "", err
	}
	if result.Error != nil {
		return "", result.Error
	}
	var answer load.Answer
	if err := json.Unmarshal(result.Payload, &answer); err != nil || len(answer.Loads) != 1 {
		return "", errors.Join(err, errors.New("it answered "+string(result.Payload)))
	}
	return answer.Loads[0].State, nil
}

// wantNothingOf checks that Snowflake has neither the table nor its ledger.
func (b *both) wantNothingOf(table string) {
	b.Helper()
	var there bool
	const sql = `SELECT to_regclass('"public"."' || $1 || '"') IS NOT NULL OR to_regclass('"STAGELIFT"."public.' || $1 || '"') IS NOT NULL`
	if err := b.snowflake.QueryRow(b.Context(), sql, table).Scan(&there); err != nil || there {
		b.Errorf("Snowflake has %s or its ledger: %t, %v", table, there, err)
	}
}

func (b *both) wantRows(table string, want int) {
	b.Helper()
	var got int
	if err := b.snowflake.QueryRow(b.Context(), `SELECT count(*) FROM "public"."`+table+`"`).Scan(&got); err != nil || got != want {
		b.Errorf("Snowflake has %d rows of %s, %v; want %d", got, table, err, want)
	}
}

// keyOf makes a key of so many bits, as PEM of the type.
func keyOf(t *testing.T, bits int, kind string) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if kind == "RSA PRIVATE KEY" {
		der = x509.MarshalPKCS1PrivateKey(key)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// A function that has no usable key says which secret, or what is wrong with
// what lies there, and loads nothing; with the user's key it loads.
func TestKeyPairIsReadFromASecret(t *testing.T) {
	t.Parallel()
	b := setupBoth(t, stack.Options{Deaf: true, KeyPair: true}, fewRows)
	receipt := receiptEvent(b.extract(`{"tables":["public.t"]}`).Tables[0].Receipt)
	denied, deleted := b.Secrets.PutText("denied", string(b.Snowflake.PrivateKey())), b.Secrets.PutText("deleted", string(b.Snowflake.PrivateKey()))
	b.Secrets.Deny(denied)
	b.Secrets.Delete(deleted)
	const absent = "arn:aws:secretsmanager:" + stack.Region + ":" + stack.Account + ":secret:absent-a1b2c3"
	const unusable = "want an unencrypted RSA key, PKCS #8 in PEM"
	for name, c := range map[string]struct {
		secret string
		want   []string
	}{
		"absent":         {absent, []string{absent, "ResourceNotFoundException"}},
		"denied":         {denied, []string{denied, "AccessDeniedException", "secretsmanager:GetSecretValue"}},
		"deleted":        {deleted, []string{deleted, "marked for deletion"}},
		"no key":         {b.Secrets.PutText("no key", "hunter2"), []string{stack.SnowflakeUser, unusable}},
		"a document":     {b.Secrets.PutText("document", `{"private_key":"`+"x"+`"}`), []string{stack.SnowflakeUser, unusable}},
		"encrypted":      {b.Secrets.PutText("encrypted", keyOf(t, 2048, "ENCRYPTED PRIVATE KEY")), []string{stack.SnowflakeUser, unusable}},
		"PKCS #1":        {b.Secrets.PutText("pkcs1", keyOf(t, 2048, "RSA PRIVATE KEY")), []string{stack.SnowflakeUser, unusable}},
		"short":          {b.Secrets.PutText("short", keyOf(t, 1024, "PRIVATE KEY")), []string{stack.SnowflakeUser, unusable}},
		"another user's": {b.Secrets.PutText("another", keyOf(t, 2048, "PRIVATE KEY")), []string{"the token was refused", "LOGIN_HISTORY"}},
		"not even text":  {b.Secrets.PutBytes("bytes", []byte{0x30, 0x82}), []string{stack.SnowflakeUser, unusable}},
	} {
		state, err := loaded(b.InvokeAs(t.Context(), stack.LoadSnowflake, []string{"SNOWFLAKE_KEY_SECRET=" + c.secret}, receipt))
		if err == nil {
			t.Errorf("%s: the load is %s", name, state)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got error %q, want one with %q", name, err, want)
			}
		}
		b.wantNothingOf("t")
	}
	if state, err := loaded(b.Functions.Invoke(t.Context(), stack.LoadSnowflake, receipt)); err != nil || state != warehouse.Loaded {
		t.Errorf("with the user's key the load is %s, %v", state, err)
	}
	b.wantRows("t", 5000)
}

// A key that is rotated between two invocations is found by the environment
// that has used the one before it.
func TestRotatedKeyIsFound(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var pids []int
	b := setupBoth(t, stack.Options{Deaf: true, KeyPair: true, OnStart: func(function, _ string, pid int) {
		mu.Lock()
		defer mu.Unlock()
		if function == stack.LoadSnowflake {
			pids = append(pids, pid)
		}
	}}, fewRows+`; CREATE TABLE u AS SELECT * FROM t`)
	answer := b.extract(`{"tables":["public.*"]}`)
	receipts := map[string][]byte{}
	for _, table := range answer.Tables {
		receipts[strings.TrimPrefix(table.Table, "public.")] = receiptEvent(table.Receipt)
	}
	invoke := func(table string) (warehouse.State, error) {
		return loaded(b.Functions.Invoke(t.Context(), stack.LoadSnowflake, receipts[table]))
	}
	if state, err := invoke("t"); err != nil || state != warehouse.Loaded {
		t.Fatalf("with the first key the load is %s, %v", state, err)
	}
	if err := b.Snowflake.RotateKey(); err != nil {
		t.Fatal(err)
	}
	_, err := invoke("u")
	wantError(t, err, "the token was refused", "LOGIN_HISTORY")
	b.wantNothingOf("u")
	b.Secrets.PutText(stack.KeySecret, string(b.Snowflake.PrivateKey()))
	if state, err := invoke("u"); err != nil || state != warehouse.Loaded {
		t.Errorf("with the second key the load is %s, %v", state, err)
	}
	b.wantRows("t", 5000)
	b.wantRows("u", 5000)
	if len(slices.Compact(pids)) != 1 {
		t.Errorf("environments %v, want one for all", pids)
	}
}

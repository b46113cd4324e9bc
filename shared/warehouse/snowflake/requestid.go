package snowflake

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"strconv"
)

// requestID names a request by what it asks for: another invocation that
// submits the same load gives it the same name, and Snowflake sees that it is
// the same. The attempt tells requests apart that are alike and are to be run
// again.
func requestID(load string, attempt int, text string) string {
	sum := sha256.Sum256([]byte("stagelift load\x00" + load + "\x00" + strconv.Itoa(attempt) + "\x00" + text))
	return uuid([16]byte(sum[:16]), 8) // version 8: made as we like (RFC 9562)
}

func randomID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return uuid(b, 4)
}

func uuid(b [16]byte, version byte) string {
	b[6] = b[6]&0x0f | version<<4
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

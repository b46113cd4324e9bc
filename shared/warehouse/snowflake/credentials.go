package snowflake

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// Credentials make the tokens that requests are authorised with. Token is
// called again when a token is about to expire or was refused.
type Credentials interface {
	Token(ctx context.Context) (Token, error)
}

// Token is a bearer token. It prints as its type: its value shows nowhere but
// in the header that it is sent in.
type Token struct {
	// Type is as X-Snowflake-Authorization-Token-Type has it.
	Type string
	// Value is what follows "Bearer".
	Value string
	// Expires is when the token ends.
	Expires time.Time
}

// String leaves the value out.
func (t Token) String() string { return t.Type + " token" }

// GoString leaves the value out.
func (t Token) GoString() string { return t.String() }

// LogValue leaves the value out.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalJSON leaves the value out, wherever a token would be written.
func (t Token) MarshalJSON() ([]byte, error) { return []byte(`"` + t.Type + ` token"`), nil }

// renewBefore is how long before its end a token is no longer used: a request
// can be on its way for so long.
const renewBefore = time.Minute

// tokens keeps one token for as long as it is good. Requests that need a new
// one at the same time wait for one of them to get it.
type tokens struct {
	source Credentials
	now    func() time.Time

	turn    chan struct{} // a mutex that a context can stop waiting for
	mu      sync.Mutex
	current Token
}

func newTokens(source Credentials) *tokens {
	return &tokens{source: source, now: time.Now, turn: make(chan struct{}, 1)}
}

func (t *tokens) token(ctx context.Context) (Token, error) {
	if token, good := t.good(); good {
		return token, nil
	}
	select {
	case t.turn <- struct{}{}:
	case <-ctx.Done():
		return Token{}, context.Cause(ctx)
	}
	defer func() { <-t.turn }()
	if token, good := t.good(); good {
		return token, nil
	}
	token, err := t.source.Token(ctx)
	if err != nil {
		return Token{}, err
	}
	if token.Value == "" || !t.now().Before(token.Expires) {
		return Token{}, errors.New("the credentials gave a token that is empty or has expired; check the clock")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current = token
	return token, nil
}

func (t *tokens) good() (Token, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.current, t.current.Value != "" && t.now().Add(renewBefore).Before(t.current.Expires)
}

// forget drops a token that was refused, unless it has been renewed since.
func (t *tokens) forget(refused Token) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current == refused {
		t.current = Token{}
	}
}

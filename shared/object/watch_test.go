package object

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/stagelift/stagelift/local/s3/s3test"
)

// deaf accepts its first connections and never looks at them.
type deaf struct {
	net.Listener
	accepted atomic.Int64
	n        int64
}

func (d *deaf) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil || d.accepted.Add(1) > d.n {
			return c, err
		}
	}
}

func TestHandshakeLimit(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 1 {
			t.Errorf("the request came in %s", r.Proto)
		}
	}))
	listener := &deaf{Listener: server.Listener, n: 2}
	server.Listener = listener
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	cfg := fakeConfig(server)
	cfg.HTTPClient = awshttp.NewBuildableClient().WithTransportOptions(func(transport *http.Transport) {
		transport.TLSClientConfig.RootCAs = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	})
	p := endless
	p.handshake = soon
	_, err := newStore(cfg, p).Put(within(t), Location{"b", "k"}, []byte("content"), PutOptions{})
	check(t, err)
	if n := listener.accepted.Load(); n != 3 {
		t.Errorf("%d connections, want 3", n)
	}
}

// A listener whose queue is full leaves those who connect without an answer.
func TestConnectLimit(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, l.Close()) })
	raw, err := l.(*net.TCPListener).SyscallConn()
	check(t, err)
	check(t, raw.Control(func(fd uintptr) { check(t, syscall.Listen(int(fd), 1)) }))
	for dialer := (net.Dialer{Timeout: soon}); ; {
		c, err := dialer.DialContext(t.Context(), "tcp4", l.Addr().String())
		if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Timeout() {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	p := endless
	p.connect = soon / 2
	_, err = newStore(s3test.Config("http://"+l.Addr().String()), p).Stat(within(t), Location{"b", "k"})
	if dial, ok := errors.AsType[*net.OpError](err); !ok || dial.Op != "dial" || !dial.Timeout() {
		t.Errorf("looking: %v, want the connection to time out", err)
	}
}

// A server may answer before it has taken the whole request, and the transport
// goes on sending.
func TestWatchIsNotWokenByWhatIsSentAfterTheAnswer(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{}, 1)
	w := &watch{limits: [3]time.Duration{soon / 4, soon / 4, soon / 4}, cancel: func(error) {}, leave: func() { ended <- struct{}{} }}
	w.timer = time.AfterFunc(time.Hour, w.end)
	w.enter(receiving)
	w.rest()
	w.enter(sending)
	select {
	case <-ended:
		t.Error("it ended")
	case <-time.After(soon):
	}
	w.enter(receiving)
	<-ended
}

func TestRequestOutlivesNoContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b := setup(t)
	if _, err := b.Put(ctx, b.at("k"), nil, PutOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("putting: %v", err)
	}
	if n := b.door.Total().Requests; n != 0 {
		t.Errorf("%d requests, want none, and no look either", n)
	}
}

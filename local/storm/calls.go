package storm

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/local/storm/referee"
	"github.com/stagelift/stagelift/local/storm/truth"
)

// call asks for a run.
type call struct {
	At       time.Duration
	Function string
	// Tables are what the request names.
	Tables    []string
	Streams   int
	PartBytes int64
	// Twice asks twice at once, Again has each continuation taken up twice at once.
	Twice, Again bool
	// Held is for how long before it the run's snapshot was taken by a session
	// that holds it; 0 lets the run take its own.
	Held time.Duration
	// Modern are fields that only the newer contract has.
	Modern object
}

// asks tells whether the request names a table.
func (c call) asks(name, schema string) bool {
	return slices.Contains(c.Tables, name) || slices.Contains(c.Tables, schema+".*")
}

// answer is one invocation's.
type answer struct {
	call     call
	Function string
	Request  string
	Payload  string
	// Failure is the type and message of the error, or why there is no answer.
	Failure       string
	After, Before referee.Moment
	Took          time.Duration
	modern        bool
	// run is empty where it could not be found out.
	run, requestID string
	reply          reply
}

// reply is as much of an answer as is looked at, in either contract.
type reply struct {
	Run    string `json:"run"`
	Tables []struct {
		Table   string `json:"table"`
		Outcome string `json:"outcome"`
		Code    string `json:"code"`
		Reason  string `json:"reason"`
		Receipt string `json:"receipt"`
	} `json:"tables"`
	Skipped []struct {
		Table  string `json:"table"`
		Reason string `json:"reason"`
	} `json:"skipped"`
	Continuation string `json:"continuation"`
}

var (
	runShape  = regexp.MustCompile(`\d{8}T\d{6}Z-[0-9a-f]{8}`)
	runLogged = regexp.MustCompile(`"run":"(` + runShape.String() + `)"`)
)

// runs finds out which run each invocation was: by its answer, or by what it
// logged. An error may speak of other runs.
func runs(answers []answer, log string) {
	logged := map[string]string{}
	for line := range strings.Lines(log) {
		run := runLogged.FindStringSubmatch(line)
		_, rest, there := strings.Cut(line, `"requestId":"`)
		id, _, _ := strings.Cut(rest, `"`)
		if run != nil && there && logged[id] == "" {
			logged[id] = run[1]
		}
	}
	for i, a := range answers {
		answers[i].run = cmp.Or(a.reply.Run, logged[a.requestID])
	}
}

// make makes the invocations that a call is: those asked for, and as many more
// as its continuations need.
func (c call) make(ctx context.Context, l *lane, s script) ([]answer, error) {
	request := c.request(s, l.modern)
	var held *holder
	if c.Held > 0 {
		var err error
		if held, err = l.hold(ctx); err != nil {
			return nil, err
		}
		defer held.release(ctx)
		request["snapshot"] = held.id
		sleep(ctx, c.Held)
	}
	payload, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	begin := func() ([]answer, error) { return c.chain(ctx, l, payload) }
	answers, err := atOnce(c.Twice, begin)
	for i := range answers {
		if held != nil && !strings.Contains(answers[i].Request, `"continuation"`) {
			answers[i].After, answers[i].Before = held.moment, held.moment
		}
	}
	return answers, err
}

// chain makes an invocation and its continuations.
func (c call) chain(ctx context.Context, l *lane, payload []byte) ([]answer, error) {
	first, err := l.invoke(ctx, c.Function, payload)
	chain, latest := []answer{first}, []answer{first}
	for err == nil && len(chain) < 6 {
		i := slices.IndexFunc(latest, func(a answer) bool { return a.reply.Continuation != "" })
		if i < 0 {
			break
		}
		if payload, err = json.Marshal(object{"continuation": latest[i].reply.Continuation}); err != nil {
			break
		}
		latest, err = atOnce(c.Again, func() ([]answer, error) {
			a, err := l.invoke(ctx, normal, payload)
			return []answer{a}, err
		})
		chain = append(chain, latest...)
	}
	for i := range chain {
		chain[i].call = c
	}
	return chain, err
}

// atOnce does something, or does it twice at the same time.
func atOnce(twice bool, do func() ([]answer, error)) ([]answer, error) {
	if !twice {
		return do()
	}
	var other []answer
	var otherErr error
	var running sync.WaitGroup
	running.Go(func() { other, otherErr = do() })
	answers, err := do()
	running.Wait()
	return append(answers, other...), errors.Join(err, otherErr)
}

// invoke makes one invocation. The error is the storm's own.
func (l *lane) invoke(ctx context.Context, function string, payload []byte) (answer, error) {
	conn, err := l.connect(ctx)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // it has nothing open
	a := answer{Function: function, Request: string(payload), modern: l.modern}
	if a.After, err = truth.Now(ctx, conn); err != nil {
		return a, err
	}
	started := time.Now()
	result, err := l.host.Invoke(ctx, function, payload)
	a.Took = time.Since(started)
	if err != nil {
		return a, err
	}
	a.Payload, a.requestID = string(result.Payload), result.RequestID
	if result.Error != nil {
		a.Failure = result.Error.Error()
	}
	_ = json.Unmarshal(result.Payload, &a.reply) // an error is a JSON string, or has none of its fields
	a.Before, err = truth.Now(ctx, conn)
	return a, err
}

// holder is a session that exports its snapshot.
type holder struct {
	conn   *pgx.Conn
	id     string
	moment referee.Moment
}

func (l *lane) hold(ctx context.Context) (*holder, error) {
	conn, err := l.connect(ctx)
	if err != nil {
		return nil, err
	}
	h := &holder{conn: conn}
	_, err = conn.Exec(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
	if err == nil {
		err = conn.QueryRow(ctx, "SELECT pg_export_snapshot()").Scan(&h.id)
	}
	if err == nil {
		h.moment, err = truth.Now(ctx, conn)
	}
	if err != nil {
		h.release(ctx)
	}
	return h, err
}

func (h *holder) release(ctx context.Context) { _ = h.conn.Close(context.WithoutCancel(ctx)) } // it only held

// isModern finds out which contract extract keeps: the older one refuses fields
// of the newer.
func (l *lane) isModern(ctx context.Context) (bool, error) {
	a, err := l.invoke(ctx, normal, []byte(`{"tables":["nothing.here"],"on_failure":"continue"}`))
	return !strings.Contains(a.Failure, "on_failure"), err
}

package snowflake

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/jackc/pgx/v5"

	"github.com/stagelift/stagelift/local/pgserver/pgtest"
	"github.com/stagelift/stagelift/local/s3/s3test"
	"github.com/stagelift/stagelift/local/snowflake/jwt"
)

const (
	testRole      = "LOADER"
	testWarehouse = "LOADING"
	testDatabase  = "RAW"
	testIdentity  = "arn:aws:iam::123456789012:role/load"
)

type bundle struct {
	t      testing.TB
	server *Server
	bucket s3test.Bucket
}

// setup starts a stand-in with a database and a bucket of its own.
func setup(t testing.TB, changes ...func(*Options)) *bundle {
	t.Helper()
	b := &bundle{t: t, bucket: s3test.Shared(t)}
	o := Options{
		DatabaseURL: pgtest.Database(t), Account: "myorg-my.account", User: "stagelift",
		Role: testRole, Warehouse: testWarehouse, Database: testDatabase,
		Stages: map[string]string{"PUBLIC.STAGED": "s3://" + b.bucket.Name + "/stage/"},
		S3:     b.bucket.Config, WorkloadRole: testIdentity, Region: "eu-central-1", AccessKey: "AKIATEST", SecretKey: "secret",
		Log: t.Output(),
	}
	for _, change := range changes {
		change(&o)
	}
	var err error
	if b.server, err = Start(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.server.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// reply is any answer of the API.
type reply struct {
	status   int
	Code     string
	Message  string
	SQLState string
	Handle   string      `json:"statementHandle"`
	Handles  []string    `json:"statementHandles"`
	Data     [][]*string `json:"data"`
	Meta     struct {
		Rows    int64 `json:"numRows"`
		Columns []struct {
			Name, Type string
		} `json:"rowType"`
		Partitions []struct {
			Rows int64 `json:"rowCount"`
		} `json:"partitionInfo"`
	} `json:"resultSetMetaData"`
	Stats *statistics `json:"stats"`
}

// rows are the values of an answer, NULL as "NULL".
func (r reply) rows() []string {
	var rows []string
	for _, row := range r.Data {
		var values []string
		for _, value := range row {
			if value == nil {
				values = append(values, "NULL")
			} else {
				values = append(values, *value)
			}
		}
		rows = append(rows, strings.Join(values, "|"))
	}
	return rows
}

// token is a key-pair token with changed claims.
func (b *bundle) token(change func(map[string]any)) string {
	b.t.Helper()
	now := b.server.options.Now()
	subject := TokenName(b.server.Account()) + "." + strings.ToUpper(b.server.User())
	c := map[string]any{
		"iss": subject + "." + b.server.Fingerprint(), "sub": subject, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	}
	if change != nil {
		change(c)
	}
	text, err := jwt.Sign(c, "", b.server.key.Load())
	if err != nil {
		b.t.Fatal(err)
	}
	return text
}

func (b *bundle) request(method, path, body string) *http.Request {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.server.Endpoint()+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+b.token(nil))
	r.Header.Set("X-Snowflake-Authorization-Token-Type", keyPairType)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "test/1.0")
	return r
}

func (b *bundle) do(r *http.Request) reply {
	b.t.Helper()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	answer := reply{status: response.StatusCode}
	if err == nil && len(text) > 0 {
		err = json.Unmarshal(text, &answer)
	}
	if err != nil {
		b.t.Fatalf("answer %d %q: %v", response.StatusCode, text, err)
	}
	return answer
}

// body is a request for statements, each on a line of its own.
func body(statements ...string) map[string]any {
	return map[string]any{
		"statement": strings.Join(statements, ";\n"), "database": testDatabase, "schema": "PUBLIC", "warehouse": testWarehouse, "role": testRole,
		"parameters": map[string]string{"MULTI_STATEMENT_COUNT": strconv.Itoa(len(statements))},
	}
}

func (b *bundle) post(query string, body map[string]any) reply {
	b.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(b.request(http.MethodPost, root+query, string(text)))
}

// run posts statements as one request.
func (b *bundle) run(statements ...string) reply {
	b.t.Helper()
	return b.post("", body(statements...))
}

// must runs statements that have to succeed.
func (b *bundle) must(statements ...string) reply {
	b.t.Helper()
	r := b.run(statements...)
	if r.status != http.StatusOK || r.Code != "090001" {
		b.t.Fatalf("status %d, code %s: %s", r.status, r.Code, r.Message)
	}
	return r
}

// mustFail runs statements that have to fail with the code, and the text in
// the message.
func (b *bundle) mustFail(code, text string, statements ...string) {
	b.t.Helper()
	r := b.run(statements...)
	if r.status != http.StatusUnprocessableEntity || r.Code != code || !strings.Contains(r.Message, text) {
		b.t.Errorf("status %d, code %s: %q; want 422, code %s, with %q", r.status, r.Code, r.Message, code, text)
	}
}

func (b *bundle) get(handle, query string) reply {
	b.t.Helper()
	return b.do(b.request(http.MethodGet, root+"/"+handle+query, ""))
}

// wait asks until a statement is over.
func (b *bundle) wait(handle string) reply {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if r := b.get(handle, ""); r.status != http.StatusAccepted {
			return r
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			b.t.Fatalf("statement %s does not end", handle)
		}
	}
}

// look reads PostgreSQL directly, one text per row.
func (b *bundle) look(sql string) []string {
	b.t.Helper()
	conn, err := pgx.Connect(b.t.Context(), b.server.DatabaseURL())
	if err != nil {
		b.t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(b.t.Context())) //nolint:errcheck // it only read
	rows, err := conn.Query(b.t.Context(), sql)
	if err != nil {
		b.t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		b.t.Fatal(err)
	}
	return list
}

// put stages an object.
func (b *bundle) put(name, content string) {
	b.t.Helper()
	if _, err := b.bucket.Client().PutObject(b.t.Context(), &s3.PutObjectInput{
		Bucket: &b.bucket.Name, Key: aws.String("stage/" + name), Body: bytes.NewReader([]byte(content)),
	}); err != nil {
		b.t.Fatal(err)
	}
}

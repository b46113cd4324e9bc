package redshift

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"
)

// executeInput is ExecuteStatementInput and BatchExecuteStatementInput, for
// the members that they share.
type executeInput struct {
	ClientToken             string
	ClusterIdentifier       string
	Database                string
	DbUser                  string
	Parameters              []parameter
	ResultFormat            string
	SecretArn               string
	SessionId               string
	SessionKeepAliveSeconds int
	StatementName           string
	WithEvent               bool
	WorkgroupName           string
}

type parameter struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type executeOne struct {
	executeInput
	Sql string
}

type executeBatch struct {
	executeInput
	Sqls []string
}

type executeOutput struct {
	CreatedAt     float64
	Database      string
	Id            string
	WorkgroupName string
}

func (s *Server) executeStatement(in executeOne) (executeOutput, error) {
	return s.execute(in.executeInput, []string{in.Sql}, false)
}

func (s *Server) batchExecuteStatement(in executeBatch) (executeOutput, error) {
	return s.execute(in.executeInput, in.Sqls, true)
}

func (s *Server) execute(in executeInput, sqls []string, batch bool) (executeOutput, error) {
	if err := s.checkInput(in, sqls); err != nil {
		return executeOutput{}, err
	}
	ctx, cancel := context.WithCancel(s.life)
	x, fresh, err := s.executions.submit(in, sqls, batch, cancel)
	if err != nil || !fresh {
		cancel()
	} else {
		s.log.InfoContext(ctx, "submitted", slog.String("id", x.id), slog.Int("statements", len(sqls)))
		s.running.Go(func() {
			defer cancel()
			s.run(ctx, x)
		})
	}
	if err != nil {
		return executeOutput{}, err
	}
	return executeOutput{CreatedAt: epoch(x.created), Database: in.Database, Id: x.id, WorkgroupName: in.WorkgroupName}, nil
}

func (s *Server) checkInput(in executeInput, sqls []string) error {
	if len(sqls) == 0 || len(sqls) > maxStatements {
		return invalid(fmt.Sprintf("1 validation error detected: Value at 'sqls' failed to satisfy constraint: "+
			"Member must have length between 1 and %d, has %d", maxStatements, len(sqls)))
	}
	for i, sql := range sqls {
		if sql == "" {
			return invalid(fmt.Sprintf("SQL statement %d is empty", i+1))
		}
		if len(sql) > maxSQL {
			return invalid(fmt.Sprintf("SQL statement %d has %d bytes, the maximum is %d", i+1, len(sql), maxSQL))
		}
	}
	switch {
	case in.WorkgroupName == "" && in.ClusterIdentifier == "":
		return invalid("Either ClusterIdentifier, WorkgroupName or SessionId must be provided.")
	case in.Database == "":
		return invalid("Database must be provided.")
	case in.ClusterIdentifier != "", in.WorkgroupName != s.options.Workgroup:
		return invalid("Redshift endpoint doesn't exist in this region.")
	case len(in.ClientToken) > 64:
		return invalid("ClientToken has more than 64 characters")
	}
	for _, member := range []struct {
		name  string
		given bool
	}{
		{"DbUser", in.DbUser != ""},
		{"Parameters", len(in.Parameters) > 0},
		{"SecretArn", in.SecretArn != ""},
		{"SessionId", in.SessionId != ""},
		{"SessionKeepAliveSeconds", in.SessionKeepAliveSeconds != 0},
		{"WithEvent", in.WithEvent},
		{"ResultFormat " + in.ResultFormat, in.ResultFormat != "" && in.ResultFormat != "JSON"},
	} {
		if member.given {
			return invalid(member.name + " is not imitated by this stand-in")
		}
	}
	return nil
}

type idInput struct {
	Id string
}

type cancelOutput struct {
	Status bool
}

// cancelStatement aborts what runs. Once the commit is under way there is
// nothing left to abort.
func (s *Server) cancelStatement(in idInput) (cancelOutput, error) {
	err := s.executions.with(in.Id, func(x *execution, _ *subStatement) error {
		switch {
		case in.Id != x.id:
			return invalid("A statement of a batch cannot be cancelled by itself; cancel " + x.id)
		case x.status.over():
			return invalid("Could not cancel a query that is already in " + string(x.status) + " state.")
		case x.committing:
			return invalid("Could not cancel a query that is committing.")
		}
		x.cancel()
		return nil
	})
	return cancelOutput{Status: err == nil}, err
}

type listInput struct {
	ClusterIdentifier string
	Database          string
	MaxResults        int
	NextToken         string
	RoleLevel         *bool
	StatementName     string
	Status            status
	WorkgroupName     string
}

type listed struct {
	CreatedAt        float64
	Id               string
	IsBatchStatement bool
	StatementName    string
	Status           status
	UpdatedAt        float64
}

type listOutput struct {
	NextToken  string `json:",omitempty"`
	Statements []listed
}

// listPage is how many statements one answer carries.
const listPage = 100

// listStatements lists those of the one role that there is, whichever session has
// submitted them: RoleLevel is true when it is left out.
func (s *Server) listStatements(in listInput) (listOutput, error) {
	switch {
	case in.StatementName == "":
		return listOutput{}, invalid("ListStatements without StatementName is not imitated by this stand-in")
	case in.Status == "":
		return listOutput{}, invalid("ListStatements without Status is not imitated by this stand-in: say ALL")
	case in.RoleLevel != nil && !*in.RoleLevel:
		return listOutput{}, invalid("RoleLevel false is not imitated by this stand-in, which knows no sessions of a role")
	case in.ClusterIdentifier != "", in.Database != "", in.WorkgroupName != "", in.MaxResults != 0:
		return listOutput{}, invalid("ListStatements by ClusterIdentifier, Database, WorkgroupName or with MaxResults is not imitated by this stand-in")
	}
	list := s.executions.named(in.StatementName, in.Status)
	from := 0
	if in.NextToken != "" {
		var err error
		if from, err = strconv.Atoi(in.NextToken); err != nil || from < 0 || from > len(list) {
			return listOutput{}, invalid("NextToken is not one of this list's")
		}
	}
	to := min(from+listPage, len(list))
	out := listOutput{Statements: list[from:to]}
	if to < len(list) {
		out.NextToken = strconv.Itoa(to)
	}
	return out, nil
}

type resultInput struct {
	Id        string
	NextToken string
}

type resultOutput struct {
	ColumnMetadata []columnMetadata
	NextToken      string `json:",omitempty"`
	Records        [][]field
	TotalNumRows   int64
}

// pageRows is how many rows one answer carries. The API cuts by size; a
// caller has to follow NextToken either way.
const pageRows = 1000

func (s *Server) getStatementResult(in resultInput) (resultOutput, error) {
	var out resultOutput
	err := s.executions.with(in.Id, func(_ *execution, sub *subStatement) error {
		if sub == nil || sub.status != finished || !sub.result.returns {
			return notFound(in.Id, "Query does not have result. Please check query status with DescribeStatement.")
		}
		from := 0
		if in.NextToken != "" {
			var err error
			if from, err = strconv.Atoi(in.NextToken); err != nil || from < 0 || from > len(sub.result.records) {
				return invalid("NextToken is not one of this result's")
			}
		}
		to := min(from+pageRows, len(sub.result.records))
		out = resultOutput{ColumnMetadata: sub.result.columns, Records: sub.result.records[from:to], TotalNumRows: sub.result.rows}
		if to < len(sub.result.records) {
			out.NextToken = strconv.Itoa(to)
		}
		return nil
	})
	return out, err
}

// epoch is how AWS JSON writes a time.
func epoch(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

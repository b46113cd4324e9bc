package redshift

type subOutput struct {
	CreatedAt       float64
	Duration        int64
	Error           string `json:",omitempty"`
	HasResultSet    bool
	Id              string
	QueryString     string
	RedshiftQueryId int64
	ResultRows      int64
	ResultSize      int64
	Status          status
	UpdatedAt       float64
}

type describeOutput struct {
	subOutput
	Database      string
	RedshiftPid   int64
	ResultFormat  string
	SubStatements []subOutput `json:",omitempty"`
	WorkgroupName string
}

func (s *Server) describeStatement(in idInput) (describeOutput, error) {
	var out describeOutput
	err := s.executions.with(in.Id, func(x *execution, sub *subStatement) error {
		out = describeOutput{
			Database: x.database, RedshiftPid: int64(x.pid), ResultFormat: "json", WorkgroupName: s.options.Workgroup,
		}
		switch {
		case sub == nil:
			out.subOutput = describeBatch(x)
			for _, one := range x.statements {
				out.SubStatements = append(out.SubStatements, describeSub(one))
			}
		case x.batch:
			out.subOutput = describeSub(sub)
		default:
			out.subOutput = describeSub(sub)
			out.Status, out.Error, out.UpdatedAt = x.status, x.err, epoch(x.updated)
			out.Duration = int64(x.duration)
		}
		return nil
	})
	return out, err
}

// describeBatch speaks of the whole. It has no rows of its own: -1 is null.
func describeBatch(x *execution) subOutput {
	out := subOutput{
		CreatedAt: epoch(x.created), Duration: int64(x.duration), Error: x.err, Id: x.id,
		RedshiftQueryId: x.statements[0].queryID, ResultRows: -1, ResultSize: -1,
		Status: x.status, UpdatedAt: epoch(x.updated),
	}
	for _, sub := range x.statements {
		out.HasResultSet = out.HasResultSet || sub.status == finished && sub.result.returns
	}
	return out
}

func describeSub(sub *subStatement) subOutput {
	out := subOutput{
		CreatedAt: epoch(sub.created), Duration: int64(sub.duration), Error: sub.err, Id: sub.id,
		QueryString: sub.sql, RedshiftQueryId: sub.queryID, ResultRows: -1, ResultSize: -1,
		Status: sub.status, UpdatedAt: epoch(sub.updated),
	}
	if sub.status == finished {
		out.HasResultSet, out.ResultRows, out.ResultSize = sub.result.returns, sub.result.rows, sub.result.size
	}
	return out
}

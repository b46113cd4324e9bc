// Command extract is the Lambda function that stages PostgreSQL tables in S3.
package main

import (
	"context"
	"encoding/json"
	"log"
	"runtime"
	"runtime/debug"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"

	"github.com/stagelift/stagelift/shared/fault"
	"github.com/stagelift/stagelift/shared/run"
)

// Nearly all of the heap is upload buffers that live as long as the streams. By
// default as much garbage again would gather before it is collected; a tenth of it
// is little while a run begins, which has no buffers yet and would collect all the
// time. So there is something that never dies, and is never touched: it counts as
// heap and takes no memory.
var ballast = make([]byte, 256<<20)

func main() {
	debug.SetGCPercent(10)
	job, err := build(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	lambda.Start(func(ctx context.Context, payload json.RawMessage) (run.Answer, error) {
		answer, err := job.Handle(ctx, payload)
		return answer, typed(err)
	})
	runtime.KeepAlive(ballast)
}

// typed gives an error the name by which a state machine catches it, in place of
// that of a type of Go.
func typed(err error) error {
	if err == nil {
		return nil
	}
	return messages.InvokeResponse_Error{Type: fault.CodeOf(err, fault.Internal).Type(), Message: err.Error()}
}

// Command extract is the Lambda function that stages PostgreSQL tables in S3.
package main

import (
	"context"
	"log"
	"runtime/debug"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	// Nearly all of the heap is upload buffers that live as long as the streams.
	// By default as much garbage again would gather before it is collected.
	debug.SetGCPercent(10)
	job, err := build(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	lambda.Start(job.Handle)
}

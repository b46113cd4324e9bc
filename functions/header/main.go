// Command header is the Lambda function that gives headerless objects a header.
package main

import (
	"context"
	"log"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	job, err := build(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	lambda.Start(job.Handle)
}

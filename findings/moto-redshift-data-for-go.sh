#!/usr/bin/env bash
#
# Guess: what moto's server answers for the Redshift Data API, which boto3
# understands, every SDK of AWS understands.
#
# Happens: moto gives CreatedAt as text, where the API has a number of seconds.
# boto3 takes either; the SDK for Go refuses the answer, after the statement was
# taken. And a statement stays STARTED for good, so who waits for its end waits
# for ever, in any language.
#
# With: PyPI moto 5.2.5, boto3 1.44.8; Go modules
# github.com/aws/aws-sdk-go-v2/service/redshiftdata v1.40.1,
# credentials v1.20.14.
#
# Output (2026-11-28):
#   boto3, status at once and after 3 seconds: ['STARTED', 'STARTED']
#   Go: expected Timestamp to be a JSON Number, got string instead
#
# For a load: this client cannot be tried on moto from Go; from Python what is
# tried is submitting, not waiting.
set -euo pipefail

work=$(mktemp -d)
server=
trap 'test -z "$server" || kill "$server"; wait; rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" --quiet --disable-pip-version-check install moto[server,redshiftdata]==5.2.5 boto3==1.44.8

cd "$work"
cat >go.mod <<'END'
module try

go 1.26

require (
	github.com/aws/aws-sdk-go-v2/credentials v1.20.14
	github.com/aws/aws-sdk-go-v2/service/redshiftdata v1.40.1
)
END
cat >main.go <<'END'
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata"
)

func main() {
	client := redshiftdata.New(redshiftdata.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(os.Args[1]), Credentials: credentials.NewStaticCredentialsProvider("x", "y", ""),
	})
	_, err := client.ExecuteStatement(context.Background(), &redshiftdata.ExecuteStatementInput{
		Sql: aws.String("SELECT 1"), Database: aws.String("dev"), WorkgroupName: aws.String("analytics"),
	})
	stated := "expected Timestamp to be a JSON Number, got string instead"
	if err == nil || !strings.HasSuffix(err.Error(), stated) {
		fmt.Println("Go:", err)
		fmt.Fprintln(os.Stderr, "  no longer as stated:", stated)
		os.Exit(1)
	}
	fmt.Println("Go:", stated)
}
END
go mod tidy >go.log 2>&1 || { cat go.log; exit 1; }
go build -o try .

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$work/venv/bin/moto_server" -H 127.0.0.1 -p "$port" >server.log 2>&1 &
server=$!

"$work/venv/bin/python" - "http://127.0.0.1:$port" <<'END'
import sys
import time
import urllib.request

import boto3

for _ in range(240):
    try:
        urllib.request.urlopen(sys.argv[1])
        break
    except OSError:
        time.sleep(0.5)
client = boto3.client("redshift-data", endpoint_url=sys.argv[1], aws_access_key_id="x", aws_secret_access_key="y", region_name="us-east-1")
statement = client.execute_statement(Database="dev", WorkgroupName="analytics", Sql="SELECT 1")["Id"]
seen = [client.describe_statement(Id=statement)["Status"]]
time.sleep(3)
seen.append(client.describe_statement(Id=statement)["Status"])
print(f"boto3, status at once and after 3 seconds: {seen}")
if seen != ["STARTED", "STARTED"]:
    print("  no longer as stated", file=sys.stderr)
    sys.exit(1)
END
./try "http://127.0.0.1:$port"

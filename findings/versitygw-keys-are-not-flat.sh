#!/usr/bin/env bash
#
# Guess: versitygw, an S3 server over a file system, keeps keys flat as S3
# does, so that an object x and an object x/y live side by side, and says so
# with an error of S3's where it cannot.
#
# Happens: with its posix backend the second of the two is refused, in either
# order, with status 409 and one of two codes that S3 does not know.
#
# With: Go module github.com/versity/versitygw v1.8.0, PyPI boto3 1.44.8.
#
# Output (2026-11-28):
#   out/t/part-1: (200, None)
#   out/t after it: (409, 'ExistingObjectIsDirectory')
#   out/u: (200, None)
#   out/u/part-1 after it: (409, 'ObjectParentIsFile')
#
# For an extract: a marker object named like the folder of its parts (out/t
# beside out/t/part-1) works on S3 and fails on this server, and a client that
# takes 409 for S3's conflict of two writes, which is worth another try, tries
# again for nothing. Give a marker a name of its own below the folder.
set -euo pipefail

work=$(mktemp -d)
server=
finish() {
  if [[ -n $server ]]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap finish EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" --quiet --disable-pip-version-check install boto3==1.44.8

GOBIN="$work/bin" go install github.com/versity/versitygw/cmd/versitygw@v1.8.0 2>"$work/install.log" || {
  cat "$work/install.log" >&2
  exit 1
}
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir "$work/objects"
ROOT_ACCESS_KEY=user ROOT_SECRET_KEY=secret \
  "$work/bin/versitygw" --port "127.0.0.1:$port" posix "$work/objects" >"$work/log" 2>&1 &
server=$!

AWS_ACCESS_KEY_ID=user AWS_SECRET_ACCESS_KEY=secret PORT="$port" "$work/venv/bin/python" - <<'END'
import os
import sys
import time

import boto3
import botocore.config
import botocore.exceptions

failed = False


def expect(what, seen, stated):
    global failed
    print(f"{what}: {seen!r}")
    if seen != stated:
        failed = True
        print(f"  no longer as stated: {stated!r}", file=sys.stderr)


def put(key):
    try:
        client.put_object(Bucket="bucket", Key=key, Body=b"")
    except botocore.exceptions.ClientError as err:
        return err.response["ResponseMetadata"]["HTTPStatusCode"], err.response["Error"]["Code"]
    return 200, None


client = boto3.client(
    "s3",
    region_name="us-east-1",
    endpoint_url=f"http://127.0.0.1:{os.environ['PORT']}",
    config=botocore.config.Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
)
for left in reversed(range(100)):
    try:
        client.create_bucket(Bucket="bucket")
        break
    except botocore.exceptions.EndpointConnectionError:
        if not left:
            raise
        time.sleep(0.1)
expect("out/t/part-1", put("out/t/part-1"), (200, None))
expect("out/t after it", put("out/t"), (409, "ExistingObjectIsDirectory"))
expect("out/u", put("out/u"), (200, None))
expect("out/u/part-1 after it", put("out/u/part-1"), (409, "ObjectParentIsFile"))

sys.exit(failed)
END

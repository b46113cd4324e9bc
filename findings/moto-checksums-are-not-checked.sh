#!/usr/bin/env bash
#
# Guess: moto, which knows S3's checksum headers and gives checksums back,
# refuses a body that does not match with BadDigest.
#
# Happens: a body with another one's Content-MD5 or SHA-256 is stored with
# status 200. What HEAD says afterwards depends on a second header that S3
# needs for neither: with the algorithm's name beside it the wrong SHA-256 is
# given back as the object's own, without it no checksum at all.
#
# With: PyPI moto 5.2.5, boto3 1.44.8.
#
# Output (2026-11-28):
#   status with another's MD5: 200
#   status with another's SHA-256, the algorithm named: 200
#     SHA-256 given back: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='
#   status with another's SHA-256, the algorithm not named: 200
#     SHA-256 given back: None
#
# For an extract: a test against moto of what happens to a damaged upload
# tests nothing, and one that reads the checksum back confirms what the client
# said, not what is stored. A server that checks is needed for both.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" --quiet --disable-pip-version-check install moto[s3]==5.2.5 boto3==1.44.8

cd "$work"
"$work/venv/bin/python" - <<'END'
import os
import sys

import boto3
import botocore.exceptions
import moto

os.environ.update(AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x")

failed = False


def expect(what, seen, stated):
    global failed
    print(f"{what}: {seen!r}")
    if seen != stated:
        failed = True
        print(f"  no longer as stated: {stated!r}", file=sys.stderr)


with moto.mock_aws():
    client = boto3.client("s3", region_name="us-east-1")
    client.create_bucket(Bucket="bucket")
    md5, sha = "AAAAAAAAAAAAAAAAAAAAAA==", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    stored = client.put_object(Bucket="bucket", Key="md5", Body=b"a", ContentMD5=md5)
    expect("status with another's MD5", stored["ResponseMetadata"]["HTTPStatusCode"], 200)
    for name, more, kept in (("named", {"ChecksumAlgorithm": "SHA256"}, sha), ("not named", {}, None)):
        stored = client.put_object(Bucket="bucket", Key=name, Body=b"a", ChecksumSHA256=sha, **more)
        expect(f"status with another's SHA-256, the algorithm {name}", stored["ResponseMetadata"]["HTTPStatusCode"], 200)
        head = client.head_object(Bucket="bucket", Key=name, ChecksumMode="ENABLED")
        expect("  SHA-256 given back", head.get("ChecksumSHA256"), kept)

sys.exit(failed)
END

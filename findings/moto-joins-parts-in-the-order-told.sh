#!/usr/bin/env bash
#
# Guess: moto refuses a CompleteMultipartUpload whose parts are not in
# ascending order with InvalidPartOrder, as S3 documents.
#
# Happens: it answers 200 and joins the parts in the order in which they were
# listed, so that the object starts with part 2. If the last part, usually the
# short one, is not listed last, the refusal is EntityTooSmall, of which no
# part is guilty.
#
# With: PyPI moto 5.2.5, boto3 1.44.8.
#
# Output (2026-11-28):
#   first bytes of two long parts, listed 2, 1: '222'
#   a long and a short part, listed 2, 1: 'EntityTooSmall'
#
# For an extract: parts that are sent in parallel come back in any order. A
# writer that forgets to sort them passes its tests against moto and is
# refused by S3.
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


def complete(client, last):
    """Completes an upload of two parts, the second of so many bytes, listed the wrong way round."""
    upload = client.create_multipart_upload(Bucket="bucket", Key="key")["UploadId"]
    parts = []
    for number, size in ((1, 5 << 20), (2, last)):
        part = client.upload_part(Bucket="bucket", Key="key", UploadId=upload, PartNumber=number, Body=str(number).encode() * size)
        parts.append({"PartNumber": number, "ETag": part["ETag"]})
    try:
        client.complete_multipart_upload(
            Bucket="bucket", Key="key", UploadId=upload, MultipartUpload={"Parts": parts[::-1]})
    except botocore.exceptions.ClientError as err:
        return err.response["Error"]["Code"]
    return client.get_object(Bucket="bucket", Key="key")["Body"].read(3).decode()


with moto.mock_aws():
    client = boto3.client("s3", region_name="us-east-1")
    client.create_bucket(Bucket="bucket")
    expect("first bytes of two long parts, listed 2, 1", complete(client, 5 << 20), "222")
    expect("a long and a short part, listed 2, 1", complete(client, 1), "EntityTooSmall")

sys.exit(failed)
END

#!/usr/bin/env bash
#
# Guess: UploadPartCopy with x-amz-copy-source-if-match copies nothing when the
# source is another object by now: S3 documents 412 for it, and moto answers so
# to If-Match of a GET.
#
# Happens: the part is copied, of whatever the source is now. And an upload of
# this minute is listed as begun in November 2010.
#
# With: PyPI moto 5.2.5, boto3 1.44.8.
#
# Output (2026-11-28):
#   GET with If-Match of another: 412
#   UploadPartCopy with copy-source-if-match of another: 200
#   the part is of: 'now'
#   begun in: 2010
#
# For an extract: a composition that must notice a source that was replaced
# under it cannot be tried, and what ends uploads by their age ends all of them.
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


def status(call, **parameters):
    try:
        return call(Bucket="bucket", **parameters)["ResponseMetadata"]["HTTPStatusCode"]
    except botocore.exceptions.ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"]


with moto.mock_aws():
    client = boto3.client("s3", region_name="us-east-1")
    client.create_bucket(Bucket="bucket")
    before = client.put_object(Bucket="bucket", Key="source", Body=b"before")["ETag"]
    client.put_object(Bucket="bucket", Key="source", Body=b"now")
    upload = client.create_multipart_upload(Bucket="bucket", Key="k")["UploadId"]
    expect("GET with If-Match of another", status(client.get_object, Key="source", IfMatch=before), 412)
    copied = status(client.upload_part_copy, Key="k", UploadId=upload, PartNumber=1,
                    CopySource={"Bucket": "bucket", "Key": "source"}, CopySourceIfMatch=before)
    expect("UploadPartCopy with copy-source-if-match of another", copied, 200)
    begun = client.list_multipart_uploads(Bucket="bucket")["Uploads"][0]["Initiated"]
    [part] = client.list_parts(Bucket="bucket", Key="k", UploadId=upload)["Parts"]
    client.complete_multipart_upload(Bucket="bucket", Key="k", UploadId=upload,
                                     MultipartUpload={"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]})
    expect("the part is of", client.get_object(Bucket="bucket", Key="k")["Body"].read().decode(), "now")
    expect("begun in", begun.year, 2010)

sys.exit(failed)
END

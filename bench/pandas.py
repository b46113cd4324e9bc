"""The blog posts' way: the table into memory, as CSV into memory, into S3."""

import io
import os
import resource
import sys

import boto3
import pandas
import psycopg2

table, bucket, key = sys.argv[1:]
connection = psycopg2.connect(os.environ["BENCH_DSN"])
frame = pandas.read_sql_query(f"SELECT * FROM {table}", connection)
text = io.StringIO()
frame.to_csv(text, index=False)
boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"]).put_object(Bucket=bucket, Key=key, Body=text.getvalue().encode())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)

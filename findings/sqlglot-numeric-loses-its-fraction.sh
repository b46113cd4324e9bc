#!/usr/bin/env bash
#
# Guess: PostgreSQL's numeric without precision, which holds any number of
# digits after the point, becomes a warehouse type with room for a fraction,
# or is raised as unsupported.
#
# Happens: it becomes a bare DECIMAL, in Redshift's and in Snowflake's CREATE
# TABLE and casts alike. There it means DECIMAL(18, 0) and NUMBER(38, 0):
# whole numbers. The text type beside it is widened with care, to
# VARCHAR(MAX). numeric(5,-2), valid since PostgreSQL 15, is a ParseError.
#
# With: PyPI sqlglot 30.30.0.
#
# Output (2026-11-28):
#   redshift: 'CREATE TABLE t (a DECIMAL, b VARCHAR(MAX))'
#   snowflake: 'CREATE TABLE t (a DECIMAL, b VARCHAR)'
#   numeric(5,-2): 'ParseError'
#
# For a load: a target table made by transpiling the source's DDL rounds every
# amount to a whole number as it is loaded.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" --quiet --disable-pip-version-check install sqlglot==30.30.0

cd "$work"
"$work/venv/bin/python" - <<'END'
import logging
import sys

import sqlglot

logging.getLogger("sqlglot").setLevel(logging.CRITICAL)

failed = False


def expect(what, seen, stated):
    global failed
    print(f"{what}: {seen!r}")
    if seen != stated:
        failed = True
        print(f"  no longer as stated: {stated!r}", file=sys.stderr)


def transpile(sql, read, write):
    """Returns the one statement written anew; whatever the writer calls unsupported is an error."""
    [text] = sqlglot.transpile(sql, read=read, write=write, unsupported_level=sqlglot.ErrorLevel.RAISE)
    return text


for write, stated in (
    ("redshift", "CREATE TABLE t (a DECIMAL, b VARCHAR(MAX))"),
    ("snowflake", "CREATE TABLE t (a DECIMAL, b VARCHAR)"),
):
    expect(write, transpile("CREATE TABLE t (a numeric, b text)", "postgres", write), stated)
try:
    refused = transpile("CREATE TABLE t (a numeric(5,-2))", "postgres", "redshift")
except sqlglot.errors.SqlglotError as err:
    refused = type(err).__name__
expect("numeric(5,-2)", refused, "ParseError")

sys.exit(failed)
END

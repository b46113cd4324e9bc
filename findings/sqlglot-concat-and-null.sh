#!/usr/bin/env bash
#
# Guess: sqlglot knows that PostgreSQL's CONCAT skips nulls and Redshift's
# gives null, and keeps each one's meaning.
#
# Happens: the two are the wrong way round. PostgreSQL's CONCAT(a, b) becomes
# a || b for Redshift, null as soon as one is null; Redshift's CONCAT(a, b)
# becomes, for Snowflake, a concatenation of COALESCE(…, ''), which is never
# null. Redshift to Redshift gives a || b, so that the parser does know.
#
# With: PyPI sqlglot 30.30.0.
#
# Output (2026-11-28):
#   postgres to redshift: 'SELECT a || b'
#   redshift to snowflake: "SELECT CONCAT(COALESCE(a, ''), COALESCE(b, ''))"
#   redshift to redshift: 'SELECT a || b'
#
# For a load: merge keys made with CONCAT differ between source and warehouse
# for rows with a null, and only for those. Write the COALESCE or the ||
# yourself.
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


for read, write, stated in (
    ("postgres", "redshift", "SELECT a || b"),
    ("redshift", "snowflake", "SELECT CONCAT(COALESCE(a, ''), COALESCE(b, ''))"),
    ("redshift", "redshift", "SELECT a || b"),
):
    expect(f"{read} to {write}", transpile("SELECT CONCAT(a, b)", read, write), stated)

sys.exit(failed)
END

#!/usr/bin/env bash
#
# Guess: asked to write a Redshift COPY for Snowflake, with unsupported parts
# to be raised, sqlglot translates it or raises.
#
# Happens: it writes COPY INTO with Redshift's options in the style of
# Snowflake's, key = value, where the pairs are words that happen to stand
# side by side. The other way round, Snowflake's MATCH_BY_COLUMN_NAME comes
# out in a Redshift COPY. Neither raises.
#
# With: PyPI sqlglot 30.30.0.
#
# Output (2026-11-28):
#   to Snowflake: "COPY INTO t FROM 's3://b/m' IAM_ROLE 'r' MANIFEST = FORMAT AS = PARQUET"
#   to Redshift: 'COPY t FROM @s/p/ FILE_FORMAT = (TYPE=PARQUET) MATCH_BY_COLUMN_NAME CASE_INSENSITIVE'
#
# For a load: unsupported_level is no guard here. A tool for both warehouses
# has two statements, not one that is transpiled.
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


expect("to Snowflake",
       transpile("COPY t FROM 's3://b/m' IAM_ROLE 'r' MANIFEST FORMAT AS PARQUET", "redshift", "snowflake"),
       "COPY INTO t FROM 's3://b/m' IAM_ROLE 'r' MANIFEST = FORMAT AS = PARQUET")
expect("to Redshift",
       transpile("COPY INTO t FROM @s/p/ FILE_FORMAT=(TYPE=PARQUET) MATCH_BY_COLUMN_NAME=CASE_INSENSITIVE", "snowflake", "redshift"),
       "COPY t FROM @s/p/ FILE_FORMAT = (TYPE=PARQUET) MATCH_BY_COLUMN_NAME CASE_INSENSITIVE")

sys.exit(failed)
END

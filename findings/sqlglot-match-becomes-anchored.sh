#!/usr/bin/env bash
#
# Guess: PostgreSQL's and Redshift's a ~ 'x' (the pattern occurs somewhere in
# a) is written for Snowflake as something that finds it anywhere.
#
# Happens: it becomes REGEXP_LIKE(a, 'x'), which Snowflake anchors at both
# ends by its documentation: it is true only for 'x' itself.
#
# With: PyPI sqlglot 30.30.0.
#
# Output (2026-11-28):
#   redshift: "SELECT REGEXP_LIKE(a, '[0-9]+')"
#   postgres: "SELECT REGEXP_LIKE(a, '[0-9]+')"
#
# For an extract: a filter that is carried from source to warehouse keeps
# other rows there, mostly none. REGEXP_INSTR(a, 'x') > 0 is the like of it.
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


for read in ("redshift", "postgres"):
    expect(read, transpile("SELECT a ~ '[0-9]+'", read, "snowflake"), "SELECT REGEXP_LIKE(a, '[0-9]+')")

sys.exit(failed)
END

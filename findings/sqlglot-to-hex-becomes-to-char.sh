#!/usr/bin/env bash
#
# Guess: TO_HEX(255), 'ff' in Redshift and in PostgreSQL, is written for
# Snowflake as something that gives 'ff', or is raised as unsupported.
#
# Happens: from Redshift it becomes TO_CHAR(255), which Snowflake documents to
# give '255'. From PostgreSQL the same function becomes HEX_ENCODE(255), which
# is documented to encode the characters: '323535'. Two answers for one
# function, neither of them 'ff'.
#
# With: PyPI sqlglot 30.30.0.
#
# Output (2026-11-28):
#   redshift: 'SELECT TO_CHAR(255)'
#   postgres: 'SELECT HEX_ENCODE(255)'
#
# For a load: digests and keys built with TO_HEX differ between the warehouses
# after transpiling, with no error on either side.
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


expect("redshift", transpile("SELECT TO_HEX(255)", "redshift", "snowflake"), "SELECT TO_CHAR(255)")
expect("postgres", transpile("SELECT TO_HEX(255)", "postgres", "snowflake"), "SELECT HEX_ENCODE(255)")

sys.exit(failed)
END

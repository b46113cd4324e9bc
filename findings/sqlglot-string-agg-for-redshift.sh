#!/usr/bin/env bash
#
# Guess: string_agg(a, ',' ORDER BY a) of PostgreSQL becomes LISTAGG(a, ',')
# WITHIN GROUP (ORDER BY a) for both warehouses, which share that function.
#
# Happens: it does for Snowflake. For Redshift the order slips between the
# arguments: LISTAGG(a ORDER BY a, ','), which sorts by a and then by the
# constant and leaves no delimiter, and which Redshift has no grammar for.
#
# With: PyPI sqlglot 30.30.0.
#
# Output (2026-11-28):
#   snowflake: "SELECT LISTAGG(a, ',') WITHIN GROUP (ORDER BY a)"
#   redshift: "SELECT LISTAGG(a ORDER BY a, ',')"
#   redshift's own, read by sqlglot: "SELECT LISTAGG(a, ',') WITHIN GROUP (ORDER BY a)"
#
# For a load: a view's query that is transpiled for Redshift fails there; the
# Redshift dialect's own form passes through unharmed.
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


source = "SELECT string_agg(a, ',' ORDER BY a)"
right = "SELECT LISTAGG(a, ',') WITHIN GROUP (ORDER BY a)"
expect("snowflake", transpile(source, "postgres", "snowflake"), right)
expect("redshift", transpile(source, "postgres", "redshift"), "SELECT LISTAGG(a ORDER BY a, ',')")
expect("redshift's own, read by sqlglot", transpile(right, "redshift", "redshift"), right)

sys.exit(failed)
END

#!/usr/bin/env bash
#
# Guess: a Redshift COPY that sqlglot parses into its Copy node and writes for
# Redshift is the same COPY.
#
# Happens: the options are read in pairs of words. After an option that stands
# alone (CSV) the next option is taken for its value, and what follows loses
# its quotes: DELIMITER '|' becomes DELIMITER |, and FORMAT JSON 's3://…' a
# bare address. Without CSV before it, DELIMITER '|' is right. Nothing is
# raised.
#
# With: PyPI sqlglot 30.30.0.
#
# Output (2026-11-28):
#   alone: "COPY t FROM 's3://b/x' IAM_ROLE DEFAULT DELIMITER '|'"
#   after CSV: "COPY t FROM 's3://b/x' IAM_ROLE DEFAULT CSV DELIMITER |"
#   JSON paths: "COPY t FROM 's3://b/x' IAM_ROLE DEFAULT FORMAT JSON s3://b/paths.json"
#
# For a load: statements that pass through sqlglot, say to qualify a table's
# name, come out as other statements, which Redshift refuses. Take COPY around
# the parser.
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


for name, options, stated in (
    ("alone", "DELIMITER '|'", "DELIMITER '|'"),
    ("after CSV", "CSV DELIMITER '|'", "CSV DELIMITER |"),
    ("JSON paths", "FORMAT JSON 's3://b/paths.json'", "FORMAT JSON s3://b/paths.json"),
):
    head = "COPY t FROM 's3://b/x' IAM_ROLE DEFAULT "
    expect(name, transpile(head + options, "redshift", "redshift"), head + stated)

sys.exit(failed)
END

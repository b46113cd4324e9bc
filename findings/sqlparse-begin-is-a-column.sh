#!/usr/bin/env bash
#
# Guess: sqlparse.split, told to split a script at its semicolons, does so for
# any statements without a procedure's body.
#
# Happens: a column named begin or declare, words that PostgreSQL and Redshift
# do not reserve, opens a block that never ends, and all the statements that
# follow stay one. Quoted, or after a table's name and a point, the same
# column is harmless.
#
# With: PyPI sqlparse 0.6.1.
#
# Output (2026-11-28):
#   SELECT id, begin FROM t; SELECT 1; SELECT 2: 1
#   CREATE TABLE t (id int, declare date); SELECT 1; SELECT 2: 1
#   INSERT INTO t (id, begin) VALUES (1, 2); SELECT 1; SELECT 2: 1
#   SELECT id, "begin" FROM t; SELECT 1; SELECT 2: 3
#   SELECT id, t.begin FROM t; SELECT 1; SELECT 2: 3
#   SELECT id, start FROM t; SELECT 1; SELECT 2: 3
#
# For a load: scripts that run statement by statement (clients of the Redshift
# Data API or of Snowflake that take one at a time) fail or run many as one as
# soon as a table with such a column comes by. A validity period is often
# called begin.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" --quiet --disable-pip-version-check install sqlparse==0.6.1

cd "$work"
"$work/venv/bin/python" - <<'END'
import sys

import sqlparse

failed = False


def expect(what, seen, stated):
    global failed
    print(f"{what}: {seen!r}")
    if seen != stated:
        failed = True
        print(f"  no longer as stated: {stated!r}", file=sys.stderr)


for statement, stated in (
    ("SELECT id, begin FROM t", 1),
    ("CREATE TABLE t (id int, declare date)", 1),
    ("INSERT INTO t (id, begin) VALUES (1, 2)", 1),
    ('SELECT id, "begin" FROM t', 3),
    ("SELECT id, t.begin FROM t", 3),
    ("SELECT id, start FROM t", 3),
):
    expect(f"{statement}; SELECT 1; SELECT 2", len(sqlparse.split(f"{statement}; SELECT 1; SELECT 2")), stated)

sys.exit(failed)
END

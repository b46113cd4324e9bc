#!/usr/bin/env bash
#
# Guess: sqlglot's Redshift dialect reads both of the documented forms of
# Redshift's MERGE, and writes them as they were.
#
# Happens: REMOVE DUPLICATES, the short form, is a ParseError. The long one is
# read, and its INSERT VALUES (…) without a list of columns, which the
# documentation allows, is written as INSERT (VALUES(…)), which its grammar
# does not have. With a list of columns it is right.
#
# With: PyPI sqlglot 30.30.0.
#
# Output (2026-11-28):
#   REMOVE DUPLICATES: 'ParseError'
#   without columns: '… THEN INSERT (VALUES(s.id, s.v))'
#   with columns: '… THEN INSERT (id, v) VALUES (s.id, s.v)'
#
# For a load: a merge that is checked or rewritten with sqlglot before it runs
# needs the long form with all columns named.
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


head = "MERGE INTO t USING s ON t.id = s.id "


def merge(tail):
    try:
        text = transpile(head + tail, "redshift", "redshift")
    except sqlglot.errors.SqlglotError as err:
        return type(err).__name__
    return "… " + text[text.index("THEN INSERT"):]


update = "WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT "
expect("REMOVE DUPLICATES", merge("REMOVE DUPLICATES"), "ParseError")
expect("without columns", merge(update + "VALUES (s.id, s.v)"), "… THEN INSERT (VALUES(s.id, s.v))")
expect("with columns", merge(update + "(id, v) VALUES (s.id, s.v)"), "… THEN INSERT (id, v) VALUES (s.id, s.v)")

sys.exit(failed)
END

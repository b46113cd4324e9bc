"""Parses every golden statement with sqlglot, in the dialect of its warehouse.

What sqlglot does not model it keeps as an opaque command, which it takes
without reading it. The forms of such statements are listed; any other, and a
form that no opaque statement has any more, is an error.
"""

import logging
import pathlib
import re
import sys

import sqlglot
from sqlglot import exp

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import goldens

OPAQUE = {
    "redshift": {r"LOCK TABLE ", r"SHOW GRANTS ON TABLE "},
    "snowflake": {r"GRANT .* TO USER ", r"CREATE OR REPLACE TABLE .* CLONE .* COPY GRANTS$", r"ALTER TABLE .* ALTER COLUMN .* COMMENT "},
}

logging.disable(logging.WARNING)  # of falling back to a command, which is looked at below
failures = 0
for dialect, allowed in OPAQUE.items():
    statements, opaque = goldens.statements(dialect), set()
    for sql, name in statements.items():
        try:
            trees = sqlglot.parse(sql, dialect=dialect, error_level=sqlglot.ErrorLevel.RAISE)
        except sqlglot.errors.SqlglotError as error:
            failures += 1
            print(f"{dialect}/{name}: {error}\n  of {sql}")
            continue
        commands = [node for tree in trees if tree for node in tree.find_all(exp.Command)]
        known = [form for form in allowed if re.match(form, sql)]
        if len(trees) != 1 or commands and not known:
            failures += 1
            print(f"{dialect}/{name}: {len(trees)} statements, {len(commands)} not understood\n  of {sql}")
        elif commands:
            opaque.update(known)
    for form in allowed - opaque:
        failures += 1
        print(f"{dialect}: no statement of the form {form!r} is opaque any more: take it off the list")
    print(f"{dialect}: {len(statements)} statements")
sys.exit(failures > 0)

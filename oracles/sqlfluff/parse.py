"""Parses every golden statement with sqlfluff, in the dialect of its warehouse.

A form that the warehouse's documentation allows and sqlfluff does not know is
spelled in a way that it knows before a statement is parsed, so that the rest of
the statement is still checked. Of each such form it must be true that a golden
statement has it, that sqlfluff refuses it, and that it takes the other spelling.
"""

import logging
import pathlib
import re
import sys
from collections.abc import Callable
from typing import NamedTuple

from sqlfluff.core import FluffConfig, Linter

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import goldens


class Form(NamedTuple):
    page: str  # of the documentation, which allows the form
    pattern: str
    known: str | Callable[[re.Match], str]  # what the pattern is replaced by
    example: str  # has the form and nothing else that sqlfluff does not know


def one_each(match):
    """Makes a statement of each item of a list that sqlfluff knows one item of."""
    return ";\n".join(match[1] + item for item in match[2].split(", "))


FORMS = {
    "redshift": [
        Form(
            "https://docs.aws.amazon.com/redshift/latest/dg/r_GRANT.html",  # TO … [, ...]
            r"^(GRANT .* TO )(.*, .*)",
            one_each,
            'GRANT SELECT ON TABLE t TO "ann", PUBLIC, ROLE "reporting"',
        ),
        Form(
            "https://docs.aws.amazon.com/redshift/latest/dg/r_SHOW_GRANTS.html",
            r"^SHOW GRANTS ON TABLE ",
            "DROP TABLE ",
            'SHOW GRANTS ON TABLE "public"."orders"',
        ),
    ],
    "snowflake": [
        # The page prints a list of one string or more for every type of file.
        # sqlfluff takes the empty one for CSV and JSON, and Snowflake's own
        # Terraform provider sends it for Parquet (TestStageChangeFileFormatToEmptyList).
        Form(
            "https://docs.snowflake.com/en/sql-reference/sql/copy-into-table",  # NULL_IF
            r"(\(TYPE = PARQUET .*)NULL_IF = \(\)",
            r"\1NULL_IF = ('')",
            "COPY INTO t FROM @s FILE_FORMAT = (TYPE = PARQUET NULL_IF = ())",
        ),
        Form(
            "https://docs.snowflake.com/en/sql-reference/sql/alter-session",  # one or more parameters, separated by commas
            r"^(ALTER SESSION SET )(.*, .*)",
            one_each,
            "ALTER SESSION SET LOCK_TIMEOUT = 60, AUTOCOMMIT = TRUE",
        ),
    ],
}

logging.disable(logging.WARNING)
failures = 0


def fail(text):
    global failures
    failures += 1
    print(text)


for dialect, forms in FORMS.items():
    linter = Linter(config=FluffConfig(overrides={"dialect": dialect, "templater": "raw"}, ignore_local_config=True))

    def refusal(sql):
        parsed = linter.parse_string(sql + ";\n")
        if parsed.violations:
            return parsed.violations[0].desc()
        return None if parsed.tree else "no tree"

    if not refusal("SELEC 2"):
        fail(f"{dialect}: what is no SQL is taken for SQL")
    statements, used = goldens.statements(dialect), set()
    for sql, name in statements.items():
        spelled = sql
        for form in forms:
            spelled, times = re.subn(form.pattern, form.known, spelled)
            if times:
                used.add(form)
        if reason := refusal(spelled):
            fail(f"{dialect}/{name}: {reason}\n  of {sql}")
    for form in forms:
        if form not in used:
            fail(f"{dialect}: no statement has the form of {form.example}: take it off the list")
        if not refusal(form.example):
            fail(f"{dialect}: sqlfluff reads {form.example}: take it off the list")
        if reason := refusal(re.sub(form.pattern, form.known, form.example)):
            fail(f"{dialect}: the other spelling of {form.example}: {reason}")
    print(f"{dialect}: {len(statements)} statements")
sys.exit(failures > 0)

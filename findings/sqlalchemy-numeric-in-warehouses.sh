#!/usr/bin/env bash
#
# Guess: the same table of SQLAlchemy types holds the same values in each
# database that has a dialect.
#
# Happens: Numeric without a precision is NUMERIC in all three. For PostgreSQL
# that is any number of digits, for Redshift NUMERIC(18,0), for Snowflake
# NUMBER(38,0), by their documents: a price loses its cents on the way in. Text
# is TEXT, which Redshift makes VARCHAR(256). A UUID is CHAR(32) for Snowflake,
# without its hyphens, and a type that Redshift has not got.
#
# With: PyPI sqlalchemy 2.0.58, sqlalchemy-redshift 1.0.0, snowflake-sqlalchemy
# 2.1.0, psycopg2-binary 2.9.13. What the warehouses make of the types is from
# their documents; no warehouse was asked.
#
# Output (2026-11-28):
#   postgresql: price NUMERIC, note TEXT, public_id UUID, data BYTEA
#   redshift: price NUMERIC, note TEXT, public_id UUID, data BYTEA
#   snowflake: price NUMERIC, note TEXT, public_id CHAR(32), data BINARY
#
# For a load: say precision, scale and length in every column, and look at what
# a target's columns are before the first row.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

python3 -m venv venv
venv/bin/pip --quiet --disable-pip-version-check install snowflake-sqlalchemy==2.1.0 sqlalchemy==2.0.58 sqlalchemy-redshift==1.0.0 psycopg2-binary==2.9.13

cat >print.py <<'END'
import sqlalchemy
from snowflake.sqlalchemy import snowdialect
from sqlalchemy.dialects import postgresql
from sqlalchemy_redshift.dialect import RedshiftDialect

types = {"price": sqlalchemy.Numeric(), "note": sqlalchemy.Text(), "public_id": sqlalchemy.Uuid(), "data": sqlalchemy.LargeBinary()}
for dialect in (postgresql.dialect(), RedshiftDialect(), snowdialect.dialect()):
    print(f"{dialect.name}: " + ", ".join(f"{name} {kind.compile(dialect=dialect)}" for name, kind in types.items()))
END
venv/bin/python -W ignore print.py | tee seen
diff seen - <<'END'
postgresql: price NUMERIC, note TEXT, public_id UUID, data BYTEA
redshift: price NUMERIC, note TEXT, public_id UUID, data BYTEA
snowflake: price NUMERIC, note TEXT, public_id CHAR(32), data BINARY
END

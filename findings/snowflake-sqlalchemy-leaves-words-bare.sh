#!/usr/bin/env bash
#
# Guess: Snowflake's own dialect of SQLAlchemy quotes the names that Snowflake
# reserves, as it quotes "order".
#
# Happens: of the words of Snowflake's page "Reserved & limited keywords" these
# stay without quotes, and so does a table named so: among them qualify, ilike,
# view and schema, which the page reserves or forbids as identifiers, and left,
# full and using, which it limits.
#
# With: PyPI snowflake-sqlalchemy 2.1.0, sqlalchemy 2.0.58. The page is
# Snowflake's; no Snowflake was asked.
#
# Output (2026-11-28):
#   CREATE TABLE qualify (ilike INTEGER, "order" INTEGER, schema INTEGER, "regexp" INTEGER)
#
# For a load: quote every identifier, always. A list of words is as old as the
# day on which it was made.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

python3 -m venv venv
venv/bin/pip --quiet --disable-pip-version-check install snowflake-sqlalchemy==2.1.0 sqlalchemy==2.0.58

cat >print.py <<'END'
import sqlalchemy
from snowflake.sqlalchemy import snowdialect

columns = [sqlalchemy.Column(name, sqlalchemy.Integer) for name in ("ilike", "order", "schema", "regexp")]
table = sqlalchemy.Table("qualify", sqlalchemy.MetaData(), *columns)
print(" ".join(str(sqlalchemy.schema.CreateTable(table).compile(dialect=snowdialect.dialect())).split()).replace("( ", "(").replace(" )", ")"))
END
venv/bin/python -W ignore print.py | tee seen
diff seen - <<'END'
CREATE TABLE qualify (ilike INTEGER, "order" INTEGER, schema INTEGER, "regexp" INTEGER)
END

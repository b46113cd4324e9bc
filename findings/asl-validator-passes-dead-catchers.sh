#!/usr/bin/env bash
#
# Guess: asl-validator, which checks state machines by schema and by rules of
# its own, refuses a Catch or Retry in which States.ALL is not the last, since
# the Amazon States Language says that it must be alone and last.
#
# Happens: it says that such a machine is valid, with no error. A state that
# nothing leads to, in contrast, is found.
#
# With: npm asl-validator 4.0.0.
#
# Output (2026-11-28):
#   Catch, States.ALL last: [true]
#   Catch, States.ALL first: [true]
#   Retry, States.ALL first: [true]
#   a state that nothing leads to: [false,"MISSING_TRANSITION_TARGET"]
#
# For a state machine around an extract: a catcher for one error code behind
# States.ALL passes this check before a deployment, which then fails. Hold the
# order with a test of one's own.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cd "$work"
npm install --silent --ignore-scripts --no-audit --no-fund --prefix "$work" asl-validator@4.0.0 >/dev/null

cat >run.mjs <<'END'
let failed = false;

function expect(what, seen, stated) {
  const text = JSON.stringify(seen, (_, value) => (typeof value === "bigint" ? `${value}n` : value));
  console.log(`${what}: ${text}`);
  if (text !== stated) {
    failed = true;
    console.error(`  no longer as stated: ${stated}`);
  }
}

import { createRequire } from "node:module";

const loaded = createRequire(import.meta.url)("asl-validator");
const validate = loaded.default ?? loaded;

const task = (more) => ({ Type: "Task", Resource: "arn:aws:lambda:us-east-1:123456789012:function:f", End: true, ...more });
const machine = (first) => ({ StartAt: "First", States: { First: first, Failed: { Type: "Fail" } } });
const caught = (...errors) => errors.map((error) => ({ ErrorEquals: [error], Next: "Failed" }));
const verdict = (definition) => {
  const { isValid, errors } = validate(definition);
  return [isValid, ...errors.map((error) => error["Error code"])];
};

expect("Catch, States.ALL last", verdict(machine(task({ Catch: caught("Busy", "States.ALL") }))), "[true]");
expect("Catch, States.ALL first", verdict(machine(task({ Catch: caught("States.ALL", "Busy") }))), "[true]");
expect("Retry, States.ALL first",
  verdict(machine(task({
    Retry: [{ ErrorEquals: ["States.ALL"] }, { ErrorEquals: ["Busy"] }],
    Catch: caught("States.ALL"),
  }))),
  "[true]");
expect("a state that nothing leads to", verdict(machine(task({}))), '[false,"MISSING_TRANSITION_TARGET"]');

process.exit(failed ? 1 : 0);
END
node run.mjs

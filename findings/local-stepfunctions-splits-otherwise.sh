#!/usr/bin/env bash
#
# Guess: aws-local-stepfunctions, which runs state machines on one's own
# machine, splits strings as AWS Step Functions does, whose documentation of
# States.StringSplit calls the second argument the delimiting characters: with
# '.+' a string is split at each point and at each plus.
#
# Happens: it takes the second argument as one delimiter of two characters,
# finds it nowhere, and gives the whole string back as the only element. With
# one character both agree, empty strings aside.
#
# With: npm aws-local-stepfunctions 3.0.0.
#
# Output (2026-11-28):
#   'a.b+c' at '.+': ["a.b+c"]
#   'a.b+c' at '.': ["a","b+c"]
#
# For a state machine that splits lists of tables or keys: test it with one
# delimiter, and have the list arrive as JSON rather than as text.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cd "$work"
npm install --silent --ignore-scripts --no-audit --no-fund --prefix "$work" aws-local-stepfunctions@3.0.0 >/dev/null

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

import { StateMachine } from "aws-local-stepfunctions";

async function split(text, delimiters) {
  const machine = new StateMachine({
    StartAt: "Split",
    States: { Split: { Type: "Pass", Parameters: { "parts.$": "States.StringSplit($.text, $.by)" }, End: true } },
  });
  return (await machine.run({ text, by: delimiters }).result).parts;
}

expect("'a.b+c' at '.+'", await split("a.b+c", ".+"), '["a.b+c"]');
expect("'a.b+c' at '.'", await split("a.b+c", "."), '["a","b+c"]');

process.exit(failed ? 1 : 0);
END
node run.mjs

"""Holds the tests that failed on a server to those that are known to: hold.py SERVER FOUND KNOWN

FOUND is what go test -json prints. KNOWN has a test a line, as go test -run takes
it, below the fault of the server that it meets, on lines with #. A test that
meets a race may pass as well: its line begins with "sometimes".
"""

import json
import pathlib
import sys


def main(server, found, known):
    outcomes, said = {}, {}
    for line in pathlib.Path(found).read_text().split("\n"):
        if not line.startswith("{"):
            continue
        event = json.loads(line)
        if "Test" not in event:
            continue
        name = event["Package"].rsplit("/", 1)[1] + " " + event["Test"]
        if event["Action"] == "output":
            said.setdefault(name, []).append(event["Output"])
        elif event["Action"] in ("pass", "fail", "skip"):
            outcomes[name] = event["Action"]
    failed = {name for name, outcome in outcomes.items() if outcome != "pass"}
    # A test fails with its parts.
    failed = {name for name in failed if not any(other.startswith(name + "/") for other in failed)}
    lines = [line for line in pathlib.Path(known).read_text().split("\n") if line and not line.startswith("#")]
    sometimes = {line.removeprefix("sometimes ") for line in lines if line.startswith("sometimes ")}
    always = set(lines) - {"sometimes " + name for name in sometimes}
    for name in sorted(failed - always - sometimes):
        print(f"{server}: failed: {name}\n" + "".join(said[name])[:2000])
    for name in sorted(always - failed):
        print(f"{server}: passes now, take it off the list: {name}")
    for name in sorted(sometimes - outcomes.keys()):
        print(f"{server}: there is no such test: {name}")
    passed = sum(outcome == "pass" for outcome in outcomes.values())
    print(f"{server}: {passed} tests passed, {len(failed)} meet a fault of the server")
    return bool(failed - always - sometimes or always - failed or sometimes - outcomes.keys() or passed < 150)


sys.exit(main(*sys.argv[1:4]))

"""Makes documents of routes, and compares what is said of them.

    hold.py make            prints documents, a line each
    hold.py validate        reads them, prints what jsonschema says of each
    hold.py compare FOLDER  holds the files load, jsonschema and ajv to each other

The documents are those of the documentation, and each of them with one thing
changed: a member left out, a member more, a value of every other type.
"""

import copy
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SCHEMA = ROOT / "docs" / "routes.schema.json"

# What load refuses and the schema allows, since JSON Schema does not tell one
# value by another, or would need the project's own rules: load's words.
BEYOND = [
    r"columns are missing",
    r"needs keys",
    r"parsing type",
]

# What the schema refuses and load takes: an empty text stands for what is left
# out, and no routes for none. The words of jsonschema.
LENIENT = [
    r"'' (is not one of|should be non-empty)",
    r"\$ 'routes' is a required property",
]

EVERY = {"version": 1, "routes": [{
    "bucket": "other", "prefix": "a/", "target": {"schema": "s", "name": "t"},
    "format": {"name": "csv", "compression": "zstd", "header": True, "null": "-", "delimiter": ";"},
    "warehouses": ["redshift", "snowflake"], "columns": [{"name": "id", "type": "bigint"}], "mode": "merge", "keys": ["id"],
    "newest": "id", "deleted": "gone", "manifest": False, "max_files": 3, "max_bytes": 4, "dist_key": "id",
    "sort_keys": ["id"], "cluster_by": ["id"],
}, {"prefix": "b/", "target": {"schema": "s", "name": "u"}, "format": {"name": "csv"}, "columns": [{"name": "id", "type": "bigint"}]}]}


def examples():
    """The documents of the documentation, and one with every member."""
    text = (ROOT / "docs" / "load.md").read_text()
    blocks = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    found = [json.loads(block) for block in blocks if '"routes"' in block]
    if not found:
        raise SystemExit("docs/load.md has no document of routes")
    return [*found, EVERY]


def changed(document):
    """Yields the document with one thing changed, everywhere in turn."""
    for path in paths(document, ()):
        holder = path[:-1]
        if path:
            yield edit(document, holder, lambda at: at.pop(path[-1]))
            for value in (None, True, 1, -1, 1.5, "", "xy", "a/", [], {}, ["xy"], [1], {"x": 1}):
                yield edit(document, holder, lambda at: at.__setitem__(path[-1], value))
        if isinstance(get(document, path), dict):
            yield edit(document, path, lambda at: at.__setitem__("unheard_of", 1))


def paths(value, path):
    yield path
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from paths(value[key], (*path, key))


def get(value, path):
    for key in path:
        value = value[key]
    return value


def edit(document, path, change):
    document = copy.deepcopy(document)
    change(get(document, path))
    return document


def make():
    lines = {}
    for document in examples():
        lines[json.dumps(document)] = None
        for other in changed(document):
            lines.setdefault(json.dumps(other))
    print("\n".join(lines))


def validate():
    import jsonschema

    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    for line in sys.stdin:
        error = next(iter(validator.iter_errors(json.loads(line))), None)
        print(f"{error.json_path} {error.message}".replace("\n", " ") if error else "")


def compare(folder):
    said = {
        name: (pathlib.Path(folder) / name).read_text().split("\n")[:-1] for name in ("documents", "load", "jsonschema", "ajv")
    }
    if len({len(lines) for lines in said.values()}) != 1:
        raise SystemExit(f"of {len(said['documents'])} documents: " + ", ".join(f"{n} {len(l)}" for n, l in said.items()))
    failures, taken, beyond = 0, 0, set()
    known = {json.dumps(document) for document in examples()}
    for document, load, schema, ajv in zip(*said.values()):
        problem = None
        rule = next((rule for rule in BEYOND if re.search(rule, load)), None)
        if bool(schema) != bool(ajv):
            problem = "the validators differ"
        elif document in known and (load or schema):
            problem = "the documentation's own is refused"
        elif schema and not load and (word := next((word for word in LENIENT if re.search(word, schema)), None)):
            beyond.add(word)
        elif schema and not load:
            problem = "load takes what the schema refuses"
        elif load and not schema and not rule:
            problem = "load refuses what the schema allows"
        elif load and not schema:
            beyond.add(rule)
        taken += not load
        if problem:
            failures += 1
            if failures <= 40:
                print(f"{problem}: {document}\n  load: {load}\n  jsonschema: {schema}\n  ajv: {ajv}")
    for rule in {*BEYOND, *LENIENT} - beyond:
        failures += 1
        print(f"load and the schema say the same of {rule!r} now: take it off the list")
    print(f"{len(said['documents'])} documents, {taken} of them taken; {failures} differences")
    sys.exit(failures > 0)


{"make": make, "validate": validate, "compare": compare}[sys.argv[1]](*sys.argv[2:])

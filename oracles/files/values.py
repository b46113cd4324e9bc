"""The words in which a value is compared, whoever read it.

NULL is None. Text longer than 200 characters is its length and digest.
"""

import datetime
import fractions
import hashlib
import json
import struct
import sys

sys.set_int_max_str_digits(0)  # numeric has 131,072 before the point


def kind(form, column):
    """Returns what a column's values are: "text" for CSV, else by its type."""
    return "text" if form == "csv" else column["json" if form == "jsonl" else "parquet"]


def short(text):
    if len(text) <= 200:
        return text
    return f"{len(text)} characters, {hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def said(error):
    """Returns the first line of an error, without where its file lies."""
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0][:100] if str(error).strip() else ''}"


def canonical(kind, value):
    """Returns a value as a string, or None for NULL."""
    if missing(kind, value):
        return None
    return short(FORMS[kind](value))


def missing(kind, value):
    if value is None or type(value).__name__ in ("NaTType", "NAType"):
        return True
    if type(value).__name__ in ("datetime64", "timedelta64"):
        return str(value) == "NaT"
    return kind not in ("float", "double", "decimal") and isinstance(value, float) and value != value


def text(value):
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return "bytes " + value.hex()
    return json.dumps(value) if isinstance(value, (dict, list)) else str(value)


def boolean(value):
    return {True: "t", False: "f", 1: "t", 0: "f", "t": "t", "f": "f", "true": "t", "false": "f"}[value]


def integer(value):
    if isinstance(value, float):
        return str(int(value)) if value == int(value) else repr(value)
    return str(int(value))


def single(value):
    return str(struct.unpack("f", struct.pack("f", float(unquoted(value))))[0])


def double(value):
    return repr(float(unquoted(value)))


def unquoted(value):
    """NaN and infinity are strings in JSON."""
    return value.strip('"') if isinstance(value, str) else value


def exact(value):
    """A number without its spelling; a double as the shortest number that is it."""
    if isinstance(value, float):
        value = repr(float(value))
    try:
        return str(fractions.Fraction(str(unquoted(value))))
    except ValueError:
        return str(unquoted(value)).lower()


def days(value):
    if isinstance(value, datetime.datetime) or hasattr(value, "to_datetime64") or hasattr(value, "astype"):
        value = value.to_datetime64() if hasattr(value, "to_datetime64") else value
        return str(int(value.astype("datetime64[D]").astype("int64"))) if hasattr(value, "astype") else str(value.toordinal() - 719163)
    if isinstance(value, datetime.date):
        return str(value.toordinal() - 719163)
    return str(value)


def microseconds(value):
    if hasattr(value, "to_datetime64"):
        value = value.to_datetime64()
    elif hasattr(value, "to_timedelta64"):
        value = value.to_timedelta64()
    if hasattr(value, "dtype") and value.dtype.kind in "mM":
        return str(int(value.astype(value.dtype.kind + "8[us]").astype("int64")))
    if isinstance(value, datetime.time):
        return str(((value.hour * 60 + value.minute) * 60 + value.second) * 1000000 + value.microsecond)
    return str(value)


def raw(value):
    return value.hex() if isinstance(value, (bytes, bytearray)) else str(value).lower()


def document(value):
    """JSON without its blanks: numbers as they are spelled, members in their order."""
    if not isinstance(value, str):
        value = json.dumps(value)
    try:
        parsed = json.loads(value, object_pairs_hook=lambda pairs: {"members": pairs},
                            parse_int=lambda n: "number " + n, parse_float=lambda n: "number " + n)
    except ValueError:
        return value
    return json.dumps(parsed, ensure_ascii=False)


FORMS = {
    "text": text, "boolean": boolean, "integer": integer, "float": single, "double": double, "decimal": exact,
    "days": days, "microseconds": microseconds, "bytes": raw, "document": document,
}

"""Reads the files of a folder with one reader: read.py READER FOLDER >found.jsonl

Prints, for each file, a line per column: {"file", "column", "values"}, each
value in the words of expected.json (see values.py), or {"file", "error"} or
{"file", "column", "error"} where the reader gives none.
"""

import json
import pathlib
import sys

import values

CSV = ("every.csv", "every.csv.gz", "every.csv.zst")
JSONL = tuple(f"{name}.jsonl{ending}" for name in ("every", "narrow") for ending in ("", ".gz", ".zst"))
PARQUET = tuple(
    f"{pages}-{compression}.parquet"
    for pages in ("plain", "dictionary")
    for compression in ("none", "snappy", "gzip", "zstd")
)


def quote(name):
    return '"' + name.replace('"', '""') + '"'


def arrow(table):
    """Gives the columns of an Arrow table, times as the numbers that they are."""
    import pyarrow

    for name, column in zip(table.column_names, table.columns):
        if pyarrow.types.is_date32(column.type):
            column = column.cast(pyarrow.int32())
        elif pyarrow.types.is_temporal(column.type):
            column = column.cast(pyarrow.int64())
        yield name, column.to_pylist()


class pyarrow:
    def csv(self, file, columns):
        import pyarrow
        from pyarrow import csv

        return arrow(csv.read_csv(
            file,
            csv.ReadOptions(block_size=64 << 20),
            csv.ParseOptions(newlines_in_values=True),
            csv.ConvertOptions(
                column_types={c["name"]: pyarrow.string() for c in columns},
                null_values=["\\N"], strings_can_be_null=True, quoted_strings_can_be_null=False,
            ),
        ))

    def jsonl(self, file, columns):
        import pyarrow
        from pyarrow import json

        types = {"boolean": pyarrow.bool_(), "integer": pyarrow.int64()}
        return arrow(json.read_json(
            pyarrow.input_stream(file, compression="detect"),
            json.ReadOptions(block_size=64 << 20),
            json.ParseOptions(explicit_schema=pyarrow.schema([
                (c["name"], pyarrow.string() if c["json"] == "text" else types[c["parquet"]])
                for c in columns if c["json"] == "text" or c["parquet"] in types
            ])),
        ))

    def parquet(self, file, columns):
        from pyarrow import parquet

        return arrow(parquet.read_table(file))


class pandas:
    nan_is_null = True  # which pandas does not tell apart

    def csv(self, file, columns):
        import pandas

        return pandas.read_csv(file, dtype=str, keep_default_na=False, na_values=["\\N"]).items()

    def jsonl(self, file, columns):
        import pandas

        return pandas.read_json(file, lines=True, dtype=False, convert_dates=False).items()

    def parquet(self, file, columns):
        import pandas

        return pandas.read_parquet(file, to_pandas_kwargs={"date_as_object": False}).items()


class pandas_default:
    nan_is_null = True

    def parquet(self, file, columns):
        import pandas

        return pandas.read_parquet(file).items()


class polars:
    def frame(self, frame):
        import polars

        import polars

        for column in frame.get_columns():
            if column.dtype == polars.Time:  # in nanoseconds
                column = column.to_physical() // 1000
            elif column.dtype.is_temporal():
                column = column.to_physical()
            yield column.name, column.to_list()

    def csv(self, file, columns):
        import polars

        return self.frame(polars.read_csv(file, infer_schema=False, null_values="\\N"))

    def jsonl(self, file, columns):
        import polars

        types = {"boolean": polars.Boolean, "integer": polars.Int64}
        return self.frame(polars.read_ndjson(file, schema={
            c["name"]: polars.String if c["json"] == "text" else types.get(c["parquet"], polars.String) for c in columns
        }))

    def parquet(self, file, columns):
        import polars

        return self.frame(polars.read_parquet(file))


class duckdb:
    FORMS = {"days": "{} - DATE '1970-01-01'", "microseconds": "epoch_us({})"}
    TYPES = {"document": "JSON", "integer": "BIGINT", "boolean": "BOOLEAN", "float": "FLOAT", "double": "DOUBLE"}

    def select(self, columns, source, form):
        import duckdb

        found = duckdb.sql(f"SELECT {', '.join(form(c).format(quote(c['name'])) for c in columns)} FROM {source}")
        return zip((c["name"] for c in columns), zip(*found.fetchall()))

    def csv(self, file, columns):
        import duckdb

        found = duckdb.sql(f"""SELECT * FROM read_csv('{file}', all_varchar = true, header = true, delim = ',', quote = '"',
            escape = '"', nullstr = '\\N', allow_quoted_nulls = false, max_line_size = 67108864)""")
        return zip(found.columns, zip(*found.fetchall()))

    def jsonl(self, file, columns):
        types = ", ".join(f"""{quote(c["name"])}: '{self.TYPES.get(c['json'], 'VARCHAR')}'""" for c in columns)
        source = f"read_json('{file}', format = 'newline_delimited', maximum_object_size = 67108864, columns = {{{types}}})"
        return self.select(columns, source, lambda c: "{}")

    def parquet(self, file, columns):
        return self.select(columns, f"'{file}'", lambda c: self.FORMS.get(c["parquet"], "{}"))


class fastparquet:
    nan_is_null = True

    def parquet(self, file, columns):
        import fastparquet

        return fastparquet.ParquetFile(file).to_pandas().items()


class datafusion:
    def context(self):
        from datafusion import SessionConfig, SessionContext

        return SessionContext(SessionConfig().with_target_partitions(1))  # rows in their order

    def table(self, frame):
        import pyarrow

        return arrow(pyarrow.Table.from_batches(frame.collect(), frame.schema()))

    def csv(self, file, columns):
        import pyarrow

        compression = {"csv": None, "gz": "gzip", "zst": "zstd"}[file.rsplit(".", 1)[1]]
        # What stands for NULL cannot be told from here.
        for name, column in self.table(self.context().read_csv(
            file, schema=pyarrow.schema([(c["name"], pyarrow.string()) for c in columns]),
            file_extension=file.split("/")[-1].split(".", 1)[1], file_compression_type=compression,
        )):
            yield name, [None if value == "\\N" else value for value in column]

    def parquet(self, file, columns):
        return self.table(self.context().read_parquet(file))


class chdb:
    FORMS = {"days": "toInt32({})", "microseconds": "toUnixTimestamp64Micro({})", "bytes": "hex({})"}

    def select(self, columns, source, form, settings=""):
        """Asks for the dates by themselves, and where that fails for each column."""
        dates = [c for c in columns if "toInt32" in form(c)]
        for some in (dates, [c for c in columns if c not in dates]):
            try:
                yield from self.ask(some, source, form, settings)
            except Exception as error:
                for c in some:
                    try:
                        yield from self.ask([c], source, form, settings)
                    except Exception as error:
                        yield c["name"], error

    def ask(self, columns, source, form, settings):
        import chdb

        if not columns:
            return
        names = ("`" + c["name"].replace("\\", "\\\\").replace("`", "\\`") + "`" for c in columns)
        asked = ", ".join(f"toString({form(c).format(name)})" for c, name in zip(columns, names))
        found = chdb.query(f"SELECT {asked} FROM {source} {settings}", "JSONCompactEachRow").bytes().decode()
        rows = [json.loads(line) for line in found.split("\n") if line]
        yield from zip([c["name"] for c in columns], zip(*rows))

    def structure(self, columns):
        return ", ".join("`" + c["name"].replace("`", "\\`") + "` Nullable(String)" for c in columns).replace("'", "\\'")

    def csv(self, file, columns):
        return self.select(columns, f"file('{file}', CSVWithNames, '{self.structure(columns)}')", lambda c: "{}",
                           "SETTINGS input_format_csv_trim_whitespaces = 0, input_format_csv_empty_as_default = 0")

    def jsonl(self, file, columns):
        return self.select(columns, f"file('{file}', JSONEachRow, '{self.structure(columns)}')", lambda c: "{}")

    def parquet(self, file, columns):
        return self.select(columns, f"file('{file}', Parquet)", lambda c: self.FORMS.get(c["parquet"], "{}"))


def main(reader, folder):
    columns = json.loads((pathlib.Path(folder) / "expected.json").read_text())
    known = {c["name"]: c for c in columns}
    reads = globals()[reader]()
    for form, files in (("csv", CSV), ("jsonl", JSONL), ("parquet", PARQUET)):
        if not hasattr(reads, form):
            continue
        for file in files:
            there = [c for c in columns if c["narrow"] or not file.startswith("narrow")]
            try:
                for name, found in getattr(reads, form)(str(pathlib.Path(folder) / file), there):
                    if isinstance(found, Exception):
                        print(json.dumps({"file": file, "column": name, "error": values.said(found)}))
                        continue
                    if name not in known:
                        print(json.dumps({"file": file, "column": name, "error": "is not in the file"}))
                        continue
                    kind = values.kind(form, known[name])
                    if getattr(reads, "nan_is_null", False):
                        found = [None if isinstance(v, float) and v != v else v for v in found]
                    print(json.dumps({"file": file, "column": name, "values": [values.canonical(kind, v) for v in found]}))
            except Exception as error:
                print(json.dumps({"file": file, "error": values.said(error)}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])

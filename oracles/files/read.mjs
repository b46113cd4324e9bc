// Reads the files of a folder with one reader: node read.mjs READER FOLDER >found.jsonl
//
// Prints, for each file, a line per column: {"file", "column", "raw"}, each value
// as a string that values.py brings into its words, or {"file", "error"}.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const [reader, folder] = process.argv.slice(2);
const columns = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8"));
const files = ["plain", "dictionary"].flatMap((pages) =>
  ["none", "snappy", "gzip", "zstd"].map((compression) => `${pages}-${compression}.parquet`));

const word = (value) => {
  if (value === null || value === undefined) return null;
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  return Object.is(value, -0) ? "-0" : String(value);
};

const readers = {
  async hyparquet(file) {
    const { asyncBufferFromFile, parquetReadObjects } = await import("hyparquet");
    const { compressors } = await import("hyparquet-compressors");
    const rows = await parquetReadObjects({
      file: await asyncBufferFromFile(file), compressors, utf8: false,
      // Its own give milliseconds.
      parsers: { timestampFromMicroseconds: (micros) => micros, dateFromDays: (days) => days },
    });
    return columns.map(({ name }) => [name, rows.map((row) => row[name])]);
  },

  async duckdb_node(file) {
    const { DuckDBInstance } = await import("@duckdb/node-api");
    const connection = await (await DuckDBInstance.create()).connect();
    const forms = { days: "{} - DATE '1970-01-01'", microseconds: "epoch_us({})", bytes: "hex({})" };
    const asked = columns.map(({ name, parquet }) =>
      `(${(forms[parquet] ?? "{}").replace("{}", () => `"${name.replaceAll('"', '""')}"`)})::VARCHAR`);
    const found = (await connection.runAndReadAll(`SELECT ${asked.join(", ")} FROM '${file}'`)).getColumnsJson();
    return columns.map(({ name }, i) => [name, found[i]]);
  },

  async parquet_wasm(file) {
    const { readParquet } = await import("parquet-wasm/node");
    const { tableFromIPC, Type } = await import("apache-arrow");
    const table = tableFromIPC(readParquet(readFileSync(file)).intoIPCStream());
    const get = (column, row) => {
      if (!column.isValid(row)) return null;
      const { values } = column.data[0];
      switch (column.type.typeId) {
        case Type.Date: return values[row];
        case Type.Time: case Type.Timestamp: return values[row];
        case Type.Decimal: return decimal(values.subarray(row * 4, row * 4 + 4), column.type.scale);
        default: return column.get(row);
      }
    };
    return table.schema.fields.map(({ name }, i) => {
      const column = table.getChildAt(i);
      if (column.data.length !== 1) throw new Error(`${column.data.length} chunks`);
      return [name, Array.from({ length: column.length }, (_, row) => get(column, row))];
    });
  },
};

// decimal reads a number of 128 bits, the lowest 32 first, with its point.
function decimal(words, scale) {
  const unscaled = BigInt.asIntN(128, words.reduceRight((sum, word) => (sum << 32n) | BigInt(word), 0n));
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, "0");
  const point = digits.length - scale;
  return (unscaled < 0n ? "-" : "") + digits.slice(0, point) + (scale > 0 ? "." + digits.slice(point) : "");
}

for (const file of files) {
  try {
    for (const [column, found] of await readers[reader](join(folder, file))) {
      console.log(JSON.stringify({ file, column, raw: found.map(word) }));
    }
  } catch (error) {
    console.log(JSON.stringify({ file, error: `${error.name}: ${String(error.message).split("\n")[0].slice(0, 100)}` }));
  }
}

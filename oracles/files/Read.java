import java.io.PrintStream;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.apache.hadoop.fs.Path;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.hadoop.ParquetReader;
import org.apache.parquet.hadoop.example.GroupReadSupport;
import org.apache.parquet.schema.GroupType;
import org.apache.parquet.schema.LogicalTypeAnnotation.DecimalLogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.StringLogicalTypeAnnotation;
import org.apache.parquet.schema.PrimitiveType;

// Reads the Parquet files of a folder with parquet-java: Read FOLDER >found.jsonl
//
// Prints, for each file, a line per column: {"file", "column", "raw"}, each value
// as a string that values.py brings into its words, or {"file", "error"}.
class Read {
  static final PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);

  public static void main(String[] arguments) {
    for (String pages : List.of("plain", "dictionary")) {
      for (String compression : List.of("none", "snappy", "gzip", "zstd")) {
        String file = pages + "-" + compression + ".parquet";
        try {
          read(arguments[0], file);
        } catch (Exception e) {
          String said = (e.getClass().getSimpleName() + ": " + e.getMessage()).lines().findFirst().get();
          out.println("{\"file\": " + quote(file) + ", \"error\": " + quote(said) + "}");
        }
      }
    }
    out.flush();
  }

  static void read(String folder, String file) throws Exception {
    List<Group> rows = new ArrayList<>();
    try (ParquetReader<Group> reader = ParquetReader.builder(new GroupReadSupport(), new Path(folder, file)).build()) {
      for (Group row = reader.read(); row != null; row = reader.read()) {
        rows.add(row);
      }
    }
    GroupType schema = rows.get(0).getType();
    for (int column = 0; column < schema.getFieldCount(); column++) {
      List<String> values = new ArrayList<>();
      for (Group row : rows) {
        values.add(row.getFieldRepetitionCount(column) == 0 ? "null" : quote(value(row, column)));
      }
      out.println("{\"file\": " + quote(file) + ", \"column\": " + quote(schema.getFieldName(column))
          + ", \"raw\": [" + String.join(", ", values) + "]}");
    }
  }

  static String value(Group row, int column) {
    PrimitiveType type = row.getType().getType(column).asPrimitiveType();
    if (type.getLogicalTypeAnnotation() instanceof DecimalLogicalTypeAnnotation decimal) {
      return new BigDecimal(new BigInteger(row.getBinary(column, 0).getBytes()), decimal.getScale()).toPlainString();
    }
    return switch (type.getPrimitiveTypeName()) {
      case BINARY -> type.getLogicalTypeAnnotation() instanceof StringLogicalTypeAnnotation
          ? row.getString(column, 0) : HexFormat.of().formatHex(row.getBinary(column, 0).getBytes());
      case BOOLEAN -> row.getBoolean(column, 0) ? "t" : "f";
      case INT32 -> Integer.toString(row.getInteger(column, 0));
      case INT64 -> Long.toString(row.getLong(column, 0));
      case FLOAT -> Float.toString(row.getFloat(column, 0));
      case DOUBLE -> Double.toString(row.getDouble(column, 0));
      default -> type.toString();
    };
  }

  static String quote(String text) {
    StringBuilder quoted = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      if (c < ' ' || c == '"' || c == '\\' || c > '~') {
        quoted.append(String.format("\\u%04x", (int) c));
      } else {
        quoted.append(c);
      }
    }
    return quoted.append('"').toString();
  }
}

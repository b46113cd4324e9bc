// Package stagefile reads staged files as Snowflake's COPY INTO does: CSV,
// JSON and Parquet, by the documented file format options, and turns their
// values into those of a column ("COPY INTO <table>", "Date and time input and
// output formats", "Considerations for semi-structured data"). It shares
// nothing with the code that writes Stagelift's files: Parquet is read by
// parquet-go, JSON by encoding/json, CSV by a reader of its own.
//
// What is easily taken for granted, and is otherwise with Snowflake:
//
//   - Quotes are data unless FIELD_OPTIONALLY_ENCLOSED_BY is set; a backslash
//     is an escape unless ESCAPE_UNENCLOSED_FIELD is NONE.
//   - NULL_IF goes for all instances of its texts, enclosed ones too: a value
//     that is \N becomes NULL, however it is quoted.
//   - A blank line is an error, not a row of one empty field.
//   - A JSON number with an exponent, or of more than 38 digits, is a DOUBLE
//     and has no more than its digits.
//   - JSON's null is a value of a VARIANT, and NULL in all other columns.
//   - Decimals are rounded to the scale, half away from zero.
//   - A date or a time that the format says nothing of is read as the session's
//     input format says, and one that is cast always.
//
// Refused, rather than guessed at: under AUTO, dates in other forms than ISO's;
// times without an offset for columns that have one and the other way round,
// more digits of a second than the column or PostgreSQL keeps, NUL in a text,
// escapes other than of the escape itself, the delimiter and the line's end.
package stagefile

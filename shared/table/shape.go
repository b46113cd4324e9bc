package table

import (
	"fmt"
	"math"
)

const (
	// labelBytes is the longest name or enum label: NAMEDATALEN less its end.
	labelBytes = 63

	// The widest column of text of each warehouse: in bytes in Redshift, in
	// characters in Snowflake.
	redshiftBytes       = 65535
	snowflakeCharacters = 134217728
	snowflakeText       = "VARCHAR(134217728)"

	// What a DECIMAL of Redshift and a NUMBER of Snowflake can be. Parquet's
	// own limit is wider.
	maxPrecision, maxScale = 38, 37
)

var parquetText = Parquet{Physical: ParquetBytes, Logical: ParquetString}

// scalar is a type that all targets know in some form.
func scalar(wire Wire, json JSON, parquet Parquet, redshift, snowflake string) Image {
	return Image{Wire: wire, JSON: json, Parquet: parquet, Redshift: redshift, Snowflake: snowflake}
}

// text is the text that PostgreSQL prints, of no more than so many bytes; 0 is
// any length.
func text(bytes int) Image {
	image := Image{Sent: FormText, Parquet: parquetText}
	image.Redshift, image.Snowflake = varchar(bytes, bytes)
	return image
}

// native is an image whose values are sent in a form that is decoded here.
func native(image Image, wire Wire) Image {
	image.Sent, image.Wire = FormValue, wire
	return image
}

// document is JSON. It is where arrays go, since PostgreSQL fixes neither
// their dimensions nor their bounds and no nested type of a target fits, and
// composites, whose types can change under a column.
func document(form Form, wire Wire) Image {
	return Image{
		Sent: form, Wire: wire, JSON: JSONRaw, Parquet: parquetText,
		Redshift: "SUPER", Snowflake: "VARIANT",
	}
}

// numeric keeps what fits a DECIMAL. Any other numeric, the one without a
// precision above all, is carried as text, exactly.
func numeric(modifiers []int) Image {
	if len(modifiers) == 2 {
		precision, scale := digits(modifiers[0], modifiers[1])
		if 1 <= precision && precision <= maxPrecision && scale <= maxScale {
			return decimal(precision, scale)
		}
	}
	return scalar(WireNumeric, JSONNumber, parquetText, fmt.Sprintf("VARCHAR(%d)", redshiftBytes), snowflakeText)
}

// digits turns PostgreSQL's precision and scale into those of a decimal, whose
// scale is neither negative nor larger than its precision. A negative scale
// rounds to the left of the point, so that the integer has as many digits more;
// a scale beyond the precision leaves zeros behind the point.
func digits(precision, scale int) (decimalPrecision, decimalScale int) {
	if scale < 0 {
		return precision - scale, 0
	}
	return max(precision, scale), scale
}

// decimal is a fixed-length byte array in Parquet for every precision, the
// shortest that holds it, as Redshift wants it.
func decimal(precision, scale int) Image {
	parquet := Parquet{
		Physical: ParquetFixed, Logical: ParquetDecimal,
		Precision: precision, Scale: scale, Length: decimalLength(precision),
	}
	return scalar(WireNumeric, JSONNumber, parquet,
		fmt.Sprintf("DECIMAL(%d,%d)", precision, scale), fmt.Sprintf("NUMBER(%d,%d)", precision, scale))
}

// decimalLength is the bytes of a two's complement with so many digits.
func decimalLength(precision int) int {
	return int(math.Ceil((float64(precision)*math.Log2(10) + 1) / 8))
}

// money is a number of 64 bits whose point the locale of the database sets.
// No locale has more than three digits behind it; with them and all nineteen
// before, every money fits. As printed, it would bear the locale's signs.
func money() Image {
	image := decimal(22, 3)
	image.Sent = FormNumeric
	return image
}

// characters counts as PostgreSQL does, in characters. Redshift counts bytes:
// four at most for one character of UTF-8.
func characters(modifiers []int) Image {
	length := 0
	if len(modifiers) == 1 {
		length = modifiers[0]
	}
	image := native(text(0), WireText)
	image.Redshift, image.Snowflake = varchar(4*length, length)
	return image
}

// bits print as one digit each.
func bits(modifiers []int) Image {
	if len(modifiers) == 1 {
		return text(modifiers[0])
	}
	return text(0)
}

// varchar returns the types for text of at most so many bytes and characters;
// 0 is any length.
func varchar(bytes, characters int) (redshift, snowflake string) {
	if bytes < 1 || bytes > redshiftBytes {
		bytes = redshiftBytes
	}
	if characters < 1 || characters > snowflakeCharacters {
		characters = snowflakeCharacters
	}
	return fmt.Sprintf("VARCHAR(%d)", bytes), fmt.Sprintf("VARCHAR(%d)", characters)
}

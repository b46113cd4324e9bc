package table

import (
	"fmt"
	"slices"
	"strings"
)

// The warehouses that rows may be meant for.
const (
	Redshift  = "redshift"
	Snowflake = "snowflake"
)

// Targets are all of them, by name.
var Targets = []string{Redshift, Snowflake}

// Limit is how large a value of a column may be to be loaded everywhere it is
// meant for.
type Limit struct {
	// Bytes is the most that a value may have as it comes from the server; 0 is
	// any number.
	Bytes int
	// Target is the warehouse whose limit it is.
	Target string
	// Characters is the most that a text may have; 0 is any number. It is the
	// length that a column without one was given.
	Characters int
	// Cut tells that a value that is too long may be cut at a character: it is
	// text of the user's own, which a document or the form of a type is not.
	Cut bool
}

// Bytes that the warehouses' types take: VARCHAR and VARBYTE of Redshift and what
// its COPY takes of SUPER by format, VARCHAR, VARIANT and BINARY of Snowflake
// (docs/types.md). In JSON Lines bytes are base64, which is loaded as text.
const (
	mostRedshiftText, mostRedshiftBytes, mostRedshiftDocument, mostRedshiftLine = redshiftBytes, 16777216, 16777216, 4194304
	mostRedshiftBase64                                                          = mostRedshiftText / 4 * 3
	mostSnowflakeText, mostSnowflakeBytes                                       = 134217728, 67108864
)

// LimitOf returns the narrowest limit that the targets put on a column in a
// format.
func LimitOf(c Column, image Image, format string, targets []string) Limit {
	limit := Limit{}
	for _, target := range targets {
		if n := limitIn(target, format, image.Wire); n > 0 && (limit.Bytes == 0 || n < limit.Bytes) {
			limit.Bytes, limit.Target = n, target
		}
	}
	t, err := ParseType(c.Type)
	if err == nil && c.Source != "" && t.Name == "character varying" && len(t.Modifiers) == 1 {
		limit.Characters = t.Modifiers[0]
	}
	if limit.Bytes > 0 || limit.Characters > 0 {
		limit.Cut = err == nil && image.Wire == WireText && image.Sent == FormValue && !t.Array && slices.Contains(cutTypes, t.Name)
	}
	return limit
}

// cutTypes are text of the user's own.
var cutTypes = []string{"text", "character varying", "character", "citext"}

func limitIn(target, format string, wire Wire) int {
	redshift := target == Redshift
	switch wire {
	case WireText:
		if redshift {
			return mostRedshiftText
		}
		return mostSnowflakeText
	case WireJSON, WireJSONB:
		switch {
		case !redshift:
			return mostSnowflakeText
		case format == "csv":
			return mostRedshiftDocument
		case format == "jsonl":
			return mostRedshiftLine
		}
		return mostRedshiftText
	case WireBytes:
		switch {
		case !redshift:
			return mostSnowflakeBytes
		case format == "jsonl":
			return mostRedshiftBase64
		}
		return mostRedshiftBytes
	}
	return 0
}

// jsonDigits is how many digits of a number in JSON Redshift keeps for sure.
const jsonDigits = 15

// Unfit says why no value of a column can be loaded by a target from a format, or
// not every one exactly, and what to do; empty where there is no reason.
func Unfit(image Image, format string, targets []string) string {
	if !slices.Contains(targets, Redshift) {
		return ""
	}
	switch {
	case format == "parquet" && image.Wire == WireTime:
		return "Redshift reads no time of day from Parquet"
	case format == "jsonl" && image.JSON == JSONNumber && (strings.HasPrefix(image.Redshift, "VARCHAR") || image.Parquet.Logical == ParquetDecimal && image.Parquet.Precision > jsonDigits):
		return fmt.Sprintf("Redshift reads numbers in JSON as doubles, which keep %d digits", jsonDigits)
	}
	return ""
}

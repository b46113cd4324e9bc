package grammar_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagelift/stagelift/local/redshift/grammar"
)

func TestCopy(t *testing.T) {
	t.Parallel()
	const from = ` FROM 's3://b/k/m.json' IAM_ROLE 'arn:r' `
	table := grammar.Table{Schema: "s", Name: "t"}
	for name, c := range map[string]struct {
		sql  string
		want grammar.Copy
	}{
		"short": {
			`COPY s.t` + from + `CSV`,
			grammar.Copy{Format: "csv", Table: table, Bucket: "b", Key: "k/m.json", Role: "arn:r", Quote: '"', Delimiter: ',', Null: `\N`},
		},
		"long": {
			`COPY "s"."t" ("A", b)` + from + `FORMAT AS CSV QUOTE AS '%' DELIMITER AS '\t' NULL AS '\\N' GZIP MANIFEST
			REGION AS 'eu-west-1' TIMEFORMAT AS 'auto' DATEFORMAT 'auto' IGNOREHEADER AS 1 EMPTYASNULL ENCODING AS UTF8
			MAXERROR AS 0 COMPUPDATE OFF STATUPDATE ON ROUNDEC;`,
			grammar.Copy{
				Format: "csv", Table: table, Columns: []string{"a", "b"}, Bucket: "b", Key: "k/m.json", Role: "arn:r", Quote: '%',
				Delimiter: '\t', Null: `\N`, Compression: "gzip", Manifest: true, Region: "eu-west-1", TimeAuto: true, DateAuto: true,
				IgnoreHeader: 1, EmptyAsNull: true, RoundDecimals: true, Statistics: true,
			},
		},
		"no null text": {
			`COPY s.t` + from + `CSV NULL ''`,
			grammar.Copy{Format: "csv", Table: table, Bucket: "b", Key: "k/m.json", Role: "arn:r", Quote: '"', Delimiter: ','},
		},
		"json": {
			`COPY s.t (a)` + from + `FORMAT AS JSON 'auto ignorecase' ROUNDEC ZSTD MANIFEST`,
			grammar.Copy{
				Format: "json", AnyCase: true, Table: table, Columns: []string{"a"}, Bucket: "b", Key: "k/m.json", Role: "arn:r",
				Quote: '"', Delimiter: ',', Null: `\N`, Compression: "zstd", Manifest: true, RoundDecimals: true,
			},
		},
		"parquet": {
			`COPY s.t` + from + `FORMAT AS PARQUET STATUPDATE OFF MANIFEST`,
			grammar.Copy{
				Format: "parquet", Table: table, Bucket: "b", Key: "k/m.json", Role: "arn:r", Quote: '"', Delimiter: ',', Null: `\N`, Manifest: true, Statistics: true,
			},
		},
		"conversions": {
			`COPY s.t` + from + `CSV TRUNCATECOLUMNS ACCEPTINVCHARS AS '^' BLANKSASNULL FILLRECORD MAXERROR 5 IGNOREBLANKLINES TRIMBLANKS
			DATEFORMAT 'DD.MM.YYYY' TIMEFORMAT AS 'epochsecs' ENCODING UTF16LE`,
			grammar.Copy{
				Format: "csv", Table: table, Bucket: "b", Key: "k/m.json", Role: "arn:r", Quote: '"', Delimiter: ',', Null: `\N`,
				Truncate: true, Replacement: '^', BlanksAsNull: true, FillRecord: true, MaxError: 5, IgnoreBlankLines: true, TrimBlanks: true,
				DateFormat: "DD.MM.YYYY", TimeFormat: "epochsecs", Encoding: "UTF16LE",
			},
		},
		"the default replacement": {
			`COPY s.t` + from + `PARQUET ACCEPTINVCHARS FILLRECORD`,
			grammar.Copy{
				Format: "parquet", Table: table, Bucket: "b", Key: "k/m.json", Role: "arn:r", Quote: '"', Delimiter: ',', Null: `\N`,
				Replacement: '?', FillRecord: true,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := grammar.Parse(c.sql)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&c.want, got.Copy); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCopyRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ options, want string }{
		"no csv":           {`GZIP`, `COPY without CSV, JSON or PARQUET is not imitated`},
		"two formats":      {`CSV JSON 'auto'`, `conflicting or redundant options: JSON beside CSV`},
		"two compressions": {`CSV GZIP ZSTD`, `conflicting or redundant options: ZSTD beside GZIP`},
		"json paths":       {`JSON 's3://b/paths.json'`, `is not imitated`},
		"json, delimiter":  {`JSON 'auto' DELIMITER ','`, `JSON cannot be used with DELIMITER`},
		"parquet, region":  {`FORMAT PARQUET REGION 'eu-west-1'`, `REGION argument is not supported for PARQUET`},
		"truncate columns": {`FORMAT PARQUET TRUNCATECOLUMNS`, `TRUNCATECOLUMNS argument is not supported for PARQUET`},
		"max error":        {`FORMAT PARQUET MAXERROR 5`, `MAXERROR argument is not supported for PARQUET`},
		"too many errors":  {`CSV MAXERROR 100001`, `MAXERROR must be between 0 and 100000`},
		"fill json":        {`JSON 'auto' FILLRECORD`, `JSON cannot be used with`},
		"invalid chars":    {`CSV ACCEPTINVCHARS AS 'é'`, `ACCEPTINVCHARS takes one ASCII character`},
		"century":          {`CSV DATEFORMAT 'MM/DD/YY'`, `DATEFORMAT 'MM/DD/YY' is not imitated by this stand-in: YY`},
		"time zone":        {`CSV TIMEFORMAT 'YYYY-MM-DD HH:MI:SSOF'`, `O is not one of the dateparts`},
		"epoch dates":      {`CSV DATEFORMAT 'epochsecs'`, `is not one of the dateparts`},
		"encoding":         {`CSV ENCODING KOI8R`, `ENCODING must be one of UTF8`},
		"any date":         {`CSV ACCEPTANYDATE`, `COPY option ACCEPTANYDATE is not imitated`},
		"time format case": {`CSV TIMEFORMAT 'AUTO'`, `TIMEFORMAT 'AUTO' is not imitated`},
		"twice":            {`CSV GZIP GZIP`, `GZIP is given twice`},
		"csv twice":        {`CSV FORMAT CSV`, `CSV is given twice`},
		"long delimiter":   {`CSV DELIMITER '||'`, `must be a single ASCII character`},
		"same characters":  {`CSV DELIMITER '"'`, `DELIMITER and QUOTE must differ`},
		"escape in null":   {`CSV NULL AS '\0'`, `NULL AS '\0' is not imitated`},
		"unknown":          {`CSV HEADER`, `syntax error at or near "header"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := grammar.Parse(`COPY t FROM 's3://b/k' IAM_ROLE 'arn:r' ` + c.options)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want %q in it", err, c.want)
			}
		})
	}
	for name, c := range map[string]struct{ sql, want string }{
		"keys":         {`COPY t FROM 's3://b/k' ACCESS_KEY_ID 'x' SECRET_ACCESS_KEY 'y' CSV`, `ACCESS_KEY_ID is not imitated`},
		"no role":      {`COPY t FROM 's3://b/k' CSV`, `syntax error at or near "csv"`},
		"default role": {`COPY t FROM 's3://b/k' IAM_ROLE default CSV`, `IAM_ROLE default is not imitated`},
		"a file":       {`COPY t FROM '/tmp/x' IAM_ROLE 'r' CSV`, `COPY is understood from 's3://bucket/key' only`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := grammar.Parse(c.sql)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want %q in it", err, c.want)
			}
		})
	}
}

package snowflake

import (
	"context"
	"fmt"
	"strings"
)

// systemObjects are created once and may be created again. Snowflake's names
// are PostgreSQL's, but where those are too long: then the comment of the
// object has them, with all else that PostgreSQL does not keep.
//
// files is the load metadata of tables: what was loaded into them.
const systemObjects = `
SELECT pg_advisory_xact_lock(7357002);
DO $$ BEGIN
  IF to_regnamespace('snowflake_system') IS NULL THEN
    DROP SCHEMA IF EXISTS public;
    CREATE SCHEMA snowflake_system;
    CREATE SCHEMA "PUBLIC";
    CREATE SCHEMA "INFORMATION_SCHEMA";
  END IF;
END $$;
CREATE TABLE IF NOT EXISTS snowflake_system.files (
  relation oid NOT NULL, url text NOT NULL, etag text NOT NULL, loaded_at timestamptz NOT NULL, PRIMARY KEY (relation, url));
CREATE OR REPLACE FUNCTION snowflake_system.member(comment text, key text) RETURNS text IMMUTABLE LANGUAGE sql AS
  $$ SELECT comment::jsonb ->> key $$;
CREATE OR REPLACE FUNCTION snowflake_system.size(kind text, place int) RETURNS numeric IMMUTABLE LANGUAGE sql AS
  $$ SELECT split_part(rtrim(split_part(kind, '(', 2), ')'), ',', place)::numeric $$;
` + systemFunctions + systemGrants + `
CREATE OR REPLACE VIEW snowflake_system.tables AS
SELECT c.oid, coalesce(snowflake_system.member(obj_description(n.oid, 'pg_namespace'), 'name'), n.nspname::text) AS table_schema,
       coalesce(snowflake_system.member(obj_description(c.oid, 'pg_class'), 'name'), c.relname::text) AS table_name,
       snowflake_system.member(obj_description(c.oid, 'pg_class'), 'comment') AS comment,
       CASE WHEN snowflake_system.member(obj_description(c.oid, 'pg_class'), 'transient') = 'true' THEN 'YES' ELSE 'NO' END AS transient
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT IN ('snowflake_system', 'information_schema') AND n.nspname NOT LIKE 'pg\_%'
  AND snowflake_system.visible('TABLE', c.oid) AND snowflake_system.visible('SCHEMA', n.oid);
CREATE OR REPLACE VIEW "INFORMATION_SCHEMA"."TABLES" AS
SELECT DATABASE::text AS "TABLE_CATALOG", t.table_schema AS "TABLE_SCHEMA", t.table_name AS "TABLE_NAME",
       'BASE TABLE'::text AS "TABLE_TYPE", t.transient AS "IS_TRANSIENT", t.comment AS "COMMENT"
FROM snowflake_system.tables t;
CREATE OR REPLACE VIEW "INFORMATION_SCHEMA"."SCHEMATA" AS
SELECT DATABASE::text AS "CATALOG_NAME",
       coalesce(snowflake_system.member(obj_description(n.oid, 'pg_namespace'), 'name'), n.nspname::text) AS "SCHEMA_NAME"
FROM pg_catalog.pg_namespace n
WHERE n.nspname NOT IN ('snowflake_system', 'information_schema') AND n.nspname NOT LIKE 'pg\_%'
  AND (n.nspname = 'INFORMATION_SCHEMA' OR snowflake_system.visible('SCHEMA', n.oid));
CREATE OR REPLACE VIEW "INFORMATION_SCHEMA"."COLUMNS" AS
SELECT DATABASE::text AS "TABLE_CATALOG", t.table_schema AS "TABLE_SCHEMA", t.table_name AS "TABLE_NAME",
       snowflake_system.member(d.doc, 'name') AS "COLUMN_NAME",
       row_number() OVER (PARTITION BY t.oid ORDER BY a.attnum) AS "ORDINAL_POSITION",
       CASE WHEN a.attnotnull THEN 'NO' ELSE 'YES' END AS "IS_NULLABLE",
       CASE k.base WHEN 'VARCHAR' THEN 'TEXT' ELSE k.base END AS "DATA_TYPE",
       CASE WHEN k.base = 'VARCHAR' THEN snowflake_system.size(k.kind, 1) END AS "CHARACTER_MAXIMUM_LENGTH",
       CASE WHEN k.base = 'VARCHAR' THEN least(snowflake_system.size(k.kind, 1) * 4, 134217728)
            WHEN k.base = 'BINARY' THEN snowflake_system.size(k.kind, 1) END AS "CHARACTER_OCTET_LENGTH",
       CASE WHEN k.base = 'NUMBER' THEN snowflake_system.size(k.kind, 1) END AS "NUMERIC_PRECISION",
       CASE WHEN k.base = 'NUMBER' THEN snowflake_system.size(k.kind, 2) END AS "NUMERIC_SCALE",
       NULL::numeric AS "DATETIME_PRECISION",
       snowflake_system.member(d.doc, 'comment') AS "COMMENT"
FROM snowflake_system.tables t
JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped,
LATERAL (SELECT col_description(t.oid, a.attnum) AS doc) d,
LATERAL (SELECT snowflake_system.member(d.doc, 'type') AS kind, split_part(snowflake_system.member(d.doc, 'type'), '(', 1) AS base) k;
`

func (s *Server) prepareWarehouse(ctx context.Context) error {
	conn, err := s.sessions.Take(ctx)
	if err != nil {
		return fmt.Errorf("connecting to the warehouse's PostgreSQL: %w", err)
	}
	defer s.sessions.Return(ctx, conn)
	sql := strings.ReplaceAll(systemObjects, "DATABASE::text", literal(s.options.Database)+"::text")
	if _, err := conn.Exec(ctx, sql).ReadAll(); err != nil {
		return fmt.Errorf("creating the system views: %w", err)
	}
	_, err = conn.ExecParams(ctx, "INSERT INTO snowflake_system.roles VALUES ($1), ($2), ($3) ON CONFLICT DO NOTHING",
		[][]byte{[]byte(administrator), []byte(public), []byte(s.options.Role)}, nil, nil, nil).Close()
	if err != nil {
		return fmt.Errorf("creating the roles: %w", err)
	}
	return s.Administer(ctx, s.options.setUp()...)
}

func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func identifier(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

package redshift

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// systemSchema holds what every session of Redshift sees without naming a
// schema: the system views.
const systemSchema = "redshift_system"

// systemObjects are created once and may be created again. long_names gives
// the views the names that PostgreSQL cannot hold, marks has what it does not
// keep of columns, privileges those that it has not, accounts who its roles are,
// late_views the late-binding views. All users have CREATE and USAGE on the schema public ("GRANT", USAGE).
const systemObjects = `
SET client_min_messages = warning;
SELECT pg_advisory_xact_lock(7357001);
CREATE SCHEMA IF NOT EXISTS redshift_system;
CREATE TABLE IF NOT EXISTS redshift_system.long_names (held text PRIMARY KEY, name text NOT NULL);
CREATE TABLE IF NOT EXISTS redshift_system.sys_load_error_detail (
	user_id int, query_id bigint, transaction_id bigint, session_id int, database_name text, table_id int, start_time timestamp,
	file_name text, line_number bigint, column_name text, column_type text, column_length text,
	position int, error_code int, error_message text);
CREATE TABLE IF NOT EXISTS redshift_system.marks (
	relation oid, number smallint, encoding text NOT NULL, keyed int NOT NULL, layout boolean NOT NULL, PRIMARY KEY (relation, number));
CREATE TABLE IF NOT EXISTS redshift_system.privileges (relation oid, role name, privilege text);
CREATE TABLE IF NOT EXISTS redshift_system.accounts (role name PRIMARY KEY, kind text NOT NULL, name text NOT NULL);
CREATE TABLE IF NOT EXISTS redshift_system.late_views (schema text, name text, query text NOT NULL, PRIMARY KEY (schema, name));
CREATE OR REPLACE VIEW redshift_system.svv_tables AS
SELECT t.table_catalog::text AS table_catalog, coalesce(s.name, t.table_schema) AS table_schema,
       coalesce(n.name, t.table_name) AS table_name, t.table_type::text AS table_type, NULL::text AS remarks
FROM information_schema.tables t
LEFT JOIN redshift_system.long_names s ON s.held = t.table_schema
LEFT JOIN redshift_system.long_names n ON n.held = t.table_name
WHERE t.table_schema <> 'redshift_system';
CREATE OR REPLACE VIEW redshift_system.svv_columns AS
SELECT c.table_catalog::text AS table_catalog, coalesce(s.name, c.table_schema) AS table_schema,
       coalesce(n.name, c.table_name) AS table_name, coalesce(m.name, c.column_name) AS column_name,
       c.ordinal_position::int AS ordinal_position, c.column_default::text AS column_default,
       c.is_nullable::text AS is_nullable,
       CASE c.data_type WHEN 'jsonb' THEN 'super' WHEN 'bytea' THEN 'binary varying' ELSE c.data_type END AS data_type,
       c.character_maximum_length::int AS character_maximum_length,
       c.numeric_precision::int AS numeric_precision, c.numeric_scale::int AS numeric_scale,
       pg_catalog.col_description(format('%I.%I', c.table_schema, c.table_name)::regclass, c.ordinal_position::int) AS remarks
FROM information_schema.columns c
LEFT JOIN redshift_system.long_names s ON s.held = c.table_schema
LEFT JOIN redshift_system.long_names n ON n.held = c.table_name
LEFT JOIN redshift_system.long_names m ON m.held = c.column_name
WHERE c.table_schema <> 'redshift_system';
CREATE OR REPLACE VIEW redshift_system.pg_namespace AS
SELECT n.oid, coalesce(l.name, n.nspname) AS nspname FROM pg_catalog.pg_namespace n LEFT JOIN redshift_system.long_names l ON l.held = n.nspname;
CREATE OR REPLACE VIEW redshift_system.pg_class AS
SELECT c.oid, coalesce(l.name, c.relname) AS relname, c.relnamespace, c.relkind FROM pg_catalog.pg_class c
LEFT JOIN redshift_system.long_names l ON l.held = c.relname;
CREATE OR REPLACE VIEW redshift_system.pg_attribute AS
SELECT a.attrelid, a.attnum, coalesce(l.name, a.attname) AS attname FROM pg_catalog.pg_attribute a
LEFT JOIN redshift_system.long_names l ON l.held = a.attname WHERE NOT a.attisdropped;
CREATE OR REPLACE VIEW redshift_system.grants AS
SELECT coalesce(s.name, n.nspname)::text AS schema_name, coalesce(l.name, c.relname)::text AS object_name, 'TABLE'::text AS object_type,
       p.privilege_type::text, p.oid::int AS identity_id, p.identity_name::text, p.identity_type::text, p.admin_option, 'TABLE'::text AS privilege_scope
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN redshift_system.long_names s ON s.held = n.nspname
LEFT JOIN redshift_system.long_names l ON l.held = c.relname
CROSS JOIN LATERAL (
	SELECT x.privilege_type, coalesce(a.name, 'public') AS identity_name, coalesce(a.kind, 'public') AS identity_type,
	       x.is_grantable AS admin_option, x.grantee AS oid
	FROM pg_catalog.aclexplode(c.relacl) x
	LEFT JOIN pg_catalog.pg_roles r ON r.oid = x.grantee
	LEFT JOIN redshift_system.accounts a ON a.role = r.rolname
	UNION ALL
	SELECT o.privilege, coalesce(a.name, o.role::text), coalesce(a.kind, 'public'), false, 0
	FROM redshift_system.privileges o LEFT JOIN redshift_system.accounts a ON a.role = o.role WHERE o.relation = c.oid
) p WHERE c.relkind IN ('r', 'v') AND p.oid <> c.relowner AND p.privilege_type NOT IN ('TRIGGER', 'MAINTAIN');
GRANT USAGE ON SCHEMA redshift_system TO PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA redshift_system TO PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO PUBLIC;
SELECT current_database(), EXISTS (SELECT FROM redshift_system.late_views);
`

func (s *Server) prepareWarehouse(ctx context.Context) error {
	conn, err := s.sessions.Take(ctx)
	if err != nil {
		return fmt.Errorf("connecting to the warehouse's PostgreSQL: %w", err)
	}
	defer s.sessions.Return(ctx, conn)
	results, err := conn.Exec(ctx, systemObjects).ReadAll()
	if err != nil {
		return fmt.Errorf("creating the system views: %w", err)
	}
	row := results[len(results)-1].Rows[0]
	s.name = string(row[0])
	s.late.Store(string(row[1]) == "t")
	return s.createUser(ctx)
}

// rememberNames lets the system views show long names. It runs before the
// batch's transaction begins: inside, it would take the snapshot that the
// batch's first statement is to take.
func rememberNames(ctx context.Context, conn *pgconn.PgConn, names map[string]string) error {
	for held, name := range names {
		const sql = "INSERT INTO " + systemSchema + ".long_names VALUES ($1, $2) ON CONFLICT DO NOTHING"
		args := [][]byte{[]byte(strings.ToValidUTF8(held, "")), []byte(name)}
		if _, err := conn.ExecParams(ctx, sql, args, nil, nil, nil).Close(); err != nil {
			return fmt.Errorf("remembering a long name: %w", err)
		}
	}
	return nil
}

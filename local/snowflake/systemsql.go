package snowflake

// badJSON is the SQLSTATE that parse_json raises.
const badJSON = "SF069"

// systemFunctions are what PostgreSQL has otherwise, or not at all. repeated
// finds a name that an object has twice.
const systemFunctions = `
CREATE OR REPLACE FUNCTION snowflake_system.repeated(value json) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
  IF json_typeof(value) = 'object' THEN
    SELECT k INTO found FROM json_object_keys(value) k GROUP BY k HAVING count(*) > 1 LIMIT 1;
    IF found IS NULL THEN
      SELECT r INTO found FROM json_each(value) e, snowflake_system.repeated(e.value) r WHERE r IS NOT NULL LIMIT 1;
    END IF;
  ELSIF json_typeof(value) = 'array' THEN
    SELECT r INTO found FROM json_array_elements(value) e, snowflake_system.repeated(e) r WHERE r IS NOT NULL LIMIT 1;
  END IF;
  RETURN found;
END $$;
CREATE OR REPLACE FUNCTION snowflake_system.parse_json(value text, mode text) RETURNS jsonb IMMUTABLE LANGUAGE plpgsql AS $$
DECLARE twice text;
BEGIN
  IF value ~ '^\s*$' THEN RETURN NULL; END IF;
  IF mode = 's' THEN twice := snowflake_system.repeated(value::json); END IF;
  IF twice IS NULL THEN RETURN value::jsonb; END IF;
  RAISE EXCEPTION 'duplicate object attribute "%"', twice USING ERRCODE = '` + badJSON + `';
EXCEPTION WHEN invalid_text_representation OR untranslatable_character THEN
  RAISE EXCEPTION 'not a document' USING ERRCODE = '` + badJSON + `';
END $$;
CREATE OR REPLACE FUNCTION snowflake_system.to_binary(value text, format text) RETURNS bytea IMMUTABLE LANGUAGE sql AS
  $$ SELECT CASE WHEN format IN ('HEX', 'BASE64') THEN decode(value, format) ELSE convert_to(value, 'UTF8') END $$;
CREATE OR REPLACE FUNCTION snowflake_system.to_binary(value bytea, format text) RETURNS bytea IMMUTABLE LANGUAGE sql AS
  $$ SELECT value $$;
`

// systemGrants hold who may do what. A database, a warehouse, an integration and
// a stage have a name, a schema and a table their oid in PostgreSQL.
const systemGrants = `
CREATE TABLE IF NOT EXISTS snowflake_system.roles (name text PRIMARY KEY);
CREATE TABLE IF NOT EXISTS snowflake_system.grants (role text, kind text, id oid, name text, privilege text, grantable boolean NOT NULL,
  PRIMARY KEY (role, kind, id, name, privilege));
CREATE TABLE IF NOT EXISTS snowflake_system.future_grants (role text, kind text, container oid, privilege text, grantable boolean NOT NULL,
  PRIMARY KEY (role, kind, container, privilege));
CREATE OR REPLACE VIEW snowflake_system.rights AS
SELECT g.role, g.kind,
       CASE g.kind WHEN 'TABLE' THEN o.nspname::text WHEN 'STAGE' THEN split_part(g.name, '.', 1) ELSE '' END AS schema,
       CASE g.kind WHEN 'TABLE' THEN c.relname::text WHEN 'SCHEMA' THEN n.nspname::text WHEN 'STAGE' THEN split_part(g.name, '.', 2)
            ELSE g.name END AS name, g.privilege, g.grantable
FROM snowflake_system.grants g
LEFT JOIN pg_catalog.pg_class c ON g.kind = 'TABLE' AND c.oid = g.id
LEFT JOIN pg_catalog.pg_namespace o ON o.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_namespace n ON g.kind = 'SCHEMA' AND n.oid = g.id;
CREATE OR REPLACE FUNCTION snowflake_system.visible(what text, which oid) RETURNS boolean STABLE LANGUAGE sql AS $$
  SELECT coalesce(current_setting('snowflake.role', true), '') = '' OR EXISTS (
    SELECT FROM snowflake_system.grants g WHERE g.kind = what AND g.id = which AND g.role IN (current_setting('snowflake.role'), 'PUBLIC')) $$;
`

-- look
SELECT current_setting('enable_case_sensitive_identifier'), n.nspname, c.table_name, c.column_name, c.data_type, c.character_maximum_length, c.numeric_precision, c.numeric_scale, c.ordinal_position, c.remarks FROM pg_namespace AS n LEFT JOIN svv_columns AS c ON c.table_schema = n.nspname AND c.table_name IN ('orders', 'public.orders', 'loads') WHERE n.nspname IN ('public', 'stagelift', 'pg_catalog');

-- create
CREATE SCHEMA IF NOT EXISTS "stagelift";
CREATE TABLE IF NOT EXISTS "stagelift"."loads" (at TIMESTAMP DEFAULT SYSDATE, load_id VARCHAR(64), source VARCHAR(512), target VARCHAR(512), run VARCHAR(32), mode VARCHAR(16), state VARCHAR(16), window_from VARCHAR(512), window_to VARCHAR(512), rows_in BIGINT, rows_updated BIGINT, rows_deleted BIGINT, bytes BIGINT, changes VARCHAR(8192), seconds DOUBLE PRECISION, statements VARCHAR(4096), error_code VARCHAR(64), reason VARCHAR(8192));
CREATE TABLE IF NOT EXISTS "stagelift"."public.orders" (sequence BIGINT, load_id VARCHAR(64), source VARCHAR(512), run VARCHAR(32), mode VARCHAR(16), state VARCHAR(16), window_from VARCHAR(512), window_to VARCHAR(512), filter VARCHAR(64), absent VARCHAR(60000), swept BOOLEAN, repairs VARCHAR(32), row_count BIGINT, loaded_at TIMESTAMP DEFAULT SYSDATE);
INSERT INTO "stagelift"."public.orders" (sequence, load_id, source, run, mode, state, row_count) SELECT 0, '', '', '', 'lock', 'lock', 0 FROM (SELECT COUNT(*) AS locks FROM "stagelift"."public.orders" WHERE load_id = '') AS l WHERE l.locks = 0;
CREATE SCHEMA IF NOT EXISTS "public";
CREATE TABLE IF NOT EXISTS "public"."orders" ("boolean" BOOLEAN, "smallint" SMALLINT, "integer" INTEGER, "bigint" BIGINT, "an oid" BIGINT, "real" REAL, "double precision" DOUBLE PRECISION, "numeric(12,2)" DECIMAL(12,2), "numeric(5,-2)" DECIMAL(7,0), "numeric(3,5)" DECIMAL(5,5), "numeric(39,0)" VARCHAR(65535), "numeric" VARCHAR(65535), "money" DECIMAL(22,3), "text" VARCHAR(65535), "character varying(40)" VARCHAR(160), "character varying" VARCHAR(65535), "character(3)" VARCHAR(12), "bpchar" VARCHAR(65535), "name" VARCHAR(63), """char""" VARCHAR(4), "bytea" VARBYTE(16777216), "date" DATE, "time with time zone" TIMETZ, "timestamp without time zone" TIMESTAMP, "timestamp with time zone" TIMESTAMPTZ, "interval" VARCHAR(67), "uuid" VARCHAR(36), "json" SUPER, "jsonb" SUPER, "xml" VARCHAR(65535), "inet" VARCHAR(43), "cidr" VARCHAR(43), "macaddr" VARCHAR(17), "macaddr8" VARCHAR(23), "bit(5)" VARCHAR(5), "bit varying(40)" VARCHAR(40), "bit varying" VARCHAR(65535), "pg_lsn" VARCHAR(17), "integer[]" SUPER, "text[]" SUPER, "public.mood" VARCHAR(63), "public.pair" SUPER, "int4range" VARCHAR(65535), "int4multirange" VARCHAR(65535), "point" VARCHAR(65535), "polygon" VARCHAR(65535), "tsvector" VARCHAR(65535), "public.hstore" VARCHAR(65535), "public.geometry(Point,4326)" VARCHAR(65535), "public.citext" VARCHAR(65535), "public.unheard_of" VARCHAR(65535));

-- wish
COMMENT ON COLUMN "public"."orders"."boolean" IS 'PostgreSQL: boolean';
COMMENT ON COLUMN "public"."orders"."smallint" IS 'PostgreSQL: smallint';
COMMENT ON COLUMN "public"."orders"."integer" IS 'PostgreSQL: integer';
COMMENT ON COLUMN "public"."orders"."bigint" IS 'PostgreSQL: bigint';
COMMENT ON COLUMN "public"."orders"."an oid" IS 'PostgreSQL: oid';
COMMENT ON COLUMN "public"."orders"."real" IS 'PostgreSQL: real';
COMMENT ON COLUMN "public"."orders"."double precision" IS 'PostgreSQL: double precision';
COMMENT ON COLUMN "public"."orders"."numeric(12,2)" IS 'PostgreSQL: numeric(12,2)';
COMMENT ON COLUMN "public"."orders"."numeric(5,-2)" IS 'PostgreSQL: numeric(5,-2)';
COMMENT ON COLUMN "public"."orders"."numeric(3,5)" IS 'PostgreSQL: numeric(3,5)';
COMMENT ON COLUMN "public"."orders"."numeric(39,0)" IS 'PostgreSQL: numeric(39,0)';
COMMENT ON COLUMN "public"."orders"."numeric" IS 'PostgreSQL: numeric';
COMMENT ON COLUMN "public"."orders"."money" IS 'PostgreSQL: money';
COMMENT ON COLUMN "public"."orders"."text" IS 'PostgreSQL: text';
COMMENT ON COLUMN "public"."orders"."character varying(40)" IS 'PostgreSQL: character varying(40)';
COMMENT ON COLUMN "public"."orders"."character varying" IS 'PostgreSQL: character varying';
COMMENT ON COLUMN "public"."orders"."character(3)" IS 'PostgreSQL: character(3)';
COMMENT ON COLUMN "public"."orders"."bpchar" IS 'PostgreSQL: bpchar';
COMMENT ON COLUMN "public"."orders"."name" IS 'PostgreSQL: name';
COMMENT ON COLUMN "public"."orders"."""char""" IS 'PostgreSQL: "char"';
COMMENT ON COLUMN "public"."orders"."bytea" IS 'PostgreSQL: bytea';
COMMENT ON COLUMN "public"."orders"."date" IS 'PostgreSQL: date';
COMMENT ON COLUMN "public"."orders"."time with time zone" IS 'PostgreSQL: time with time zone';
COMMENT ON COLUMN "public"."orders"."timestamp without time zone" IS 'PostgreSQL: timestamp without time zone';
COMMENT ON COLUMN "public"."orders"."timestamp with time zone" IS 'PostgreSQL: timestamp with time zone';
COMMENT ON COLUMN "public"."orders"."interval" IS 'PostgreSQL: interval';
COMMENT ON COLUMN "public"."orders"."uuid" IS 'PostgreSQL: uuid';
COMMENT ON COLUMN "public"."orders"."json" IS 'PostgreSQL: json';
COMMENT ON COLUMN "public"."orders"."jsonb" IS 'PostgreSQL: jsonb';
COMMENT ON COLUMN "public"."orders"."xml" IS 'PostgreSQL: xml';
COMMENT ON COLUMN "public"."orders"."inet" IS 'PostgreSQL: inet';
COMMENT ON COLUMN "public"."orders"."cidr" IS 'PostgreSQL: cidr';
COMMENT ON COLUMN "public"."orders"."macaddr" IS 'PostgreSQL: macaddr';
COMMENT ON COLUMN "public"."orders"."macaddr8" IS 'PostgreSQL: macaddr8';
COMMENT ON COLUMN "public"."orders"."bit(5)" IS 'PostgreSQL: bit(5)';
COMMENT ON COLUMN "public"."orders"."bit varying(40)" IS 'PostgreSQL: bit varying(40)';
COMMENT ON COLUMN "public"."orders"."bit varying" IS 'PostgreSQL: bit varying';
COMMENT ON COLUMN "public"."orders"."pg_lsn" IS 'PostgreSQL: pg_lsn';
COMMENT ON COLUMN "public"."orders"."integer[]" IS 'PostgreSQL: integer[]';
COMMENT ON COLUMN "public"."orders"."text[]" IS 'PostgreSQL: text[]';
COMMENT ON COLUMN "public"."orders"."public.mood" IS 'PostgreSQL: public.mood';
COMMENT ON COLUMN "public"."orders"."public.pair" IS 'PostgreSQL: public.pair';
COMMENT ON COLUMN "public"."orders"."int4range" IS 'PostgreSQL: int4range';
COMMENT ON COLUMN "public"."orders"."int4multirange" IS 'PostgreSQL: int4multirange';
COMMENT ON COLUMN "public"."orders"."point" IS 'PostgreSQL: point';
COMMENT ON COLUMN "public"."orders"."polygon" IS 'PostgreSQL: polygon';
COMMENT ON COLUMN "public"."orders"."tsvector" IS 'PostgreSQL: tsvector';
COMMENT ON COLUMN "public"."orders"."public.hstore" IS 'PostgreSQL: public.hstore';
COMMENT ON COLUMN "public"."orders"."public.geometry(Point,4326)" IS 'PostgreSQL: public.geometry(Point,4326)';
COMMENT ON COLUMN "public"."orders"."public.citext" IS 'PostgreSQL: public.citext';
COMMENT ON COLUMN "public"."orders"."public.unheard_of" IS 'PostgreSQL: public.unheard_of';

-- ledger
SELECT COALESCE(sequence, 0), load_id, source, run, COALESCE(mode, 'append'), COALESCE(state, 'loaded'), window_from, window_to, COALESCE(filter, CASE WHEN mode = 'merge' THEN '?' ELSE '' END), absent, CASE WHEN swept THEN 1 ELSE 0 END, repairs, row_count FROM "stagelift"."public.orders" WHERE load_id = '0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f' OR source <> 'public.orders' OR run > '20261121T003000Z-7f3a91c2' OR state = 'abandoned' OR repairs = '20261121T003000Z-7f3a91c2' OR sequence = (SELECT MAX(sequence) FROM "stagelift"."public.orders") OR sequence = (SELECT MAX(sequence) FROM "stagelift"."public.orders" WHERE window_to IS NOT NULL AND COALESCE(state, 'loaded') <> 'aside') OR run = (SELECT MAX(run) FROM "stagelift"."public.orders" WHERE mode = 'replace') OR run = (SELECT MAX(run) FROM "stagelift"."public.orders" WHERE window_to IS NULL AND COALESCE(state, 'loaded') = 'loaded' AND COALESCE(filter, CASE WHEN mode = 'merge' THEN '?' ELSE '' END) = '');

-- load
LOCK TABLE "stagelift"."public.orders";
UPDATE "stagelift"."public.orders" SET loaded_at = SYSDATE WHERE load_id = '';
SELECT 1 / CASE WHEN COALESCE(MAX(sequence), 0) = 7 AND COUNT(CASE WHEN load_id = '0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f' THEN 1 END) = 0 AND COUNT(CASE WHEN load_id = '' THEN 1 END) > 0 THEN 1 ELSE 0 END FROM "stagelift"."public.orders";
CREATE TEMP TABLE "stagelift_0f0f0f0f0f0f0f0f" ("boolean" BOOLEAN, "smallint" SMALLINT, "integer" INTEGER, "bigint" BIGINT, "an oid" BIGINT, "real" REAL, "double precision" DOUBLE PRECISION, "numeric(12,2)" DECIMAL(12,2), "numeric(5,-2)" DECIMAL(7,0), "numeric(3,5)" DECIMAL(5,5), "numeric(39,0)" VARCHAR(65535), "numeric" VARCHAR(65535), "money" DECIMAL(22,3), "text" VARCHAR(65535), "character varying(40)" VARCHAR(160), "character varying" VARCHAR(65535), "character(3)" VARCHAR(12), "bpchar" VARCHAR(65535), "name" VARCHAR(63), """char""" VARCHAR(4), "bytea" VARBYTE(16777216), "date" DATE, "time with time zone" VARCHAR(65535), "timestamp without time zone" TIMESTAMP, "timestamp with time zone" TIMESTAMPTZ, "interval" VARCHAR(67), "uuid" VARCHAR(36), "json" VARCHAR(65535), "jsonb" VARCHAR(65535), "xml" VARCHAR(65535), "inet" VARCHAR(43), "cidr" VARCHAR(43), "macaddr" VARCHAR(17), "macaddr8" VARCHAR(23), "bit(5)" VARCHAR(5), "bit varying(40)" VARCHAR(40), "bit varying" VARCHAR(65535), "pg_lsn" VARCHAR(17), "integer[]" VARCHAR(65535), "text[]" VARCHAR(65535), "public.mood" VARCHAR(63), "public.pair" VARCHAR(65535), "int4range" VARCHAR(65535), "int4multirange" VARCHAR(65535), "point" VARCHAR(65535), "polygon" VARCHAR(65535), "tsvector" VARCHAR(65535), "public.hstore" VARCHAR(65535), "public.geometry(Point,4326)" VARCHAR(65535), "public.citext" VARCHAR(65535), "public.unheard_of" VARCHAR(65535));
COPY "stagelift_0f0f0f0f0f0f0f0f" FROM 's3://bucket/stage/shop/public.orders/20261121T003000Z-7f3a91c2/manifest.json' IAM_ROLE 'arn:aws:iam::123456789012:role/copy' FORMAT AS PARQUET STATUPDATE OFF MANIFEST;
SELECT 1 / CASE WHEN COUNT(*) = 1042 THEN 1 ELSE 0 END FROM "stagelift_0f0f0f0f0f0f0f0f";
CREATE TEMP TABLE "stagelift_0f0f0f0f0f0f0f0f_before" (n BIGINT);
INSERT INTO "stagelift_0f0f0f0f0f0f0f0f_before" (n) SELECT COUNT(*) FROM "public"."orders";
INSERT INTO "public"."orders" ("boolean", "smallint", "integer", "bigint", "an oid", "real", "double precision", "numeric(12,2)", "numeric(5,-2)", "numeric(3,5)", "numeric(39,0)", "numeric", "money", "text", "character varying(40)", "character varying", "character(3)", "bpchar", "name", """char""", "bytea", "date", "time with time zone", "timestamp without time zone", "timestamp with time zone", "interval", "uuid", "json", "jsonb", "xml", "inet", "cidr", "macaddr", "macaddr8", "bit(5)", "bit varying(40)", "bit varying", "pg_lsn", "integer[]", "text[]", "public.mood", "public.pair", "int4range", "int4multirange", "point", "polygon", "tsvector", "public.hstore", "public.geometry(Point,4326)", "public.citext", "public.unheard_of") SELECT "boolean", "smallint", "integer", "bigint", "an oid", "real", "double precision", "numeric(12,2)", "numeric(5,-2)", "numeric(3,5)", "numeric(39,0)", "numeric", "money", "text", "character varying(40)", "character varying", "character(3)", "bpchar", "name", """char""", "bytea", "date", CAST("time with time zone" AS TIMETZ), "timestamp without time zone", "timestamp with time zone", "interval", "uuid", JSON_PARSE("json"), JSON_PARSE("jsonb"), "xml", "inet", "cidr", "macaddr", "macaddr8", "bit(5)", "bit varying(40)", "bit varying", "pg_lsn", JSON_PARSE("integer[]"), JSON_PARSE("text[]"), "public.mood", JSON_PARSE("public.pair"), "int4range", "int4multirange", "point", "polygon", "tsvector", "public.hstore", "public.geometry(Point,4326)", "public.citext", "public.unheard_of" FROM "stagelift_0f0f0f0f0f0f0f0f";
SELECT 1 / CASE WHEN a.n = b.n + s.n THEN 1 ELSE 0 END FROM (SELECT COUNT(*) AS n FROM "public"."orders") AS a, "stagelift_0f0f0f0f0f0f0f0f_before" AS b, (SELECT COUNT(*) AS n FROM "stagelift_0f0f0f0f0f0f0f0f") AS s;
INSERT INTO "stagelift"."loads" (load_id, source, target, run, mode, state, window_from, window_to, rows_in, rows_updated, rows_deleted, bytes, changes, seconds, statements, error_code, reason) SELECT '0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f', 'public.orders', 'public.orders', '20261121T003000Z-7f3a91c2', 'append', 'loaded', '', '', 1042, 0, 0, 0, '', 0.000, '["stagelift-0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f-d99b20e9191629cf"]', '', '';
INSERT INTO "stagelift"."public.orders" (sequence, state, load_id, source, run, mode, filter, absent, swept, row_count) SELECT 8, 'loaded', '0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f', 'public.orders', '20261121T003000Z-7f3a91c2', 'append', '', '', false, 1042;

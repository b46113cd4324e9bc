-- look
SELECT table_schema, table_name, column_name, data_type, character_maximum_length, numeric_precision, numeric_scale FROM svv_columns WHERE table_schema = 'public' AND table_name = 'orders' OR table_schema = 'stagelift' AND table_name = 'public.orders';

-- create
CREATE SCHEMA IF NOT EXISTS "stagelift";
CREATE TABLE IF NOT EXISTS "stagelift"."public.orders" (sequence BIGINT, load_id VARCHAR(64), source VARCHAR(512), run VARCHAR(32), mode VARCHAR(16), window_from VARCHAR(512), window_to VARCHAR(512), row_count BIGINT, loaded_at TIMESTAMP DEFAULT SYSDATE);
CREATE SCHEMA IF NOT EXISTS "public";
CREATE TABLE IF NOT EXISTS "public"."orders" ("boolean" BOOLEAN, "smallint" SMALLINT, "integer" INTEGER, "bigint" BIGINT, "oid" BIGINT, "real" REAL, "double_precision" DOUBLE PRECISION, "numeric(12,2)" DECIMAL(12,2), "text" VARCHAR(65535), "character_varying(40)" VARCHAR(160), "character(3)" VARCHAR(12), "bytea" VARBYTE(16777216), "date" DATE, "time_without_time_zone" TIME, "time_with_time_zone" TIMETZ, "timestamp_without_time_zone" TIMESTAMP, "timestamp_with_time_zone" TIMESTAMPTZ, "interval" VARCHAR(67), "uuid" VARCHAR(36), "json" SUPER, "jsonb" SUPER, "inet" VARCHAR(43), "text[]" SUPER, "bit(5)" VARCHAR(5));
COMMENT ON COLUMN "public"."orders"."boolean" IS 'PostgreSQL: boolean';
COMMENT ON COLUMN "public"."orders"."smallint" IS 'PostgreSQL: smallint';
COMMENT ON COLUMN "public"."orders"."integer" IS 'PostgreSQL: integer';
COMMENT ON COLUMN "public"."orders"."bigint" IS 'PostgreSQL: bigint';
COMMENT ON COLUMN "public"."orders"."oid" IS 'PostgreSQL: oid';
COMMENT ON COLUMN "public"."orders"."real" IS 'PostgreSQL: real';
COMMENT ON COLUMN "public"."orders"."double_precision" IS 'PostgreSQL: double precision';
COMMENT ON COLUMN "public"."orders"."numeric(12,2)" IS 'PostgreSQL: numeric(12,2)';
COMMENT ON COLUMN "public"."orders"."text" IS 'PostgreSQL: text';
COMMENT ON COLUMN "public"."orders"."character_varying(40)" IS 'PostgreSQL: character varying(40)';
COMMENT ON COLUMN "public"."orders"."character(3)" IS 'PostgreSQL: character(3)';
COMMENT ON COLUMN "public"."orders"."bytea" IS 'PostgreSQL: bytea';
COMMENT ON COLUMN "public"."orders"."date" IS 'PostgreSQL: date';
COMMENT ON COLUMN "public"."orders"."time_without_time_zone" IS 'PostgreSQL: time without time zone';
COMMENT ON COLUMN "public"."orders"."time_with_time_zone" IS 'PostgreSQL: time with time zone';
COMMENT ON COLUMN "public"."orders"."timestamp_without_time_zone" IS 'PostgreSQL: timestamp without time zone';
COMMENT ON COLUMN "public"."orders"."timestamp_with_time_zone" IS 'PostgreSQL: timestamp with time zone';
COMMENT ON COLUMN "public"."orders"."interval" IS 'PostgreSQL: interval';
COMMENT ON COLUMN "public"."orders"."uuid" IS 'PostgreSQL: uuid';
COMMENT ON COLUMN "public"."orders"."json" IS 'PostgreSQL: json';
COMMENT ON COLUMN "public"."orders"."jsonb" IS 'PostgreSQL: jsonb';
COMMENT ON COLUMN "public"."orders"."inet" IS 'PostgreSQL: inet';
COMMENT ON COLUMN "public"."orders"."text[]" IS 'PostgreSQL: text[]';
COMMENT ON COLUMN "public"."orders"."bit(5)" IS 'PostgreSQL: bit(5)';

-- ledger
SELECT COALESCE(sequence, 0), load_id, source, run, COALESCE(mode, 'append'), window_from, window_to, row_count FROM "stagelift"."public.orders" WHERE load_id = '0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f' OR source <> 'public.orders' OR sequence = (SELECT MAX(sequence) FROM "stagelift"."public.orders") OR run = (SELECT MAX(run) FROM "stagelift"."public.orders") OR run = (SELECT MAX(run) FROM "stagelift"."public.orders" WHERE window_to IS NULL AND mode <> 'append') OR sequence = (SELECT MAX(sequence) FROM "stagelift"."public.orders" WHERE window_to IS NOT NULL);

-- load
LOCK TABLE "stagelift"."public.orders";
SELECT 1 / CASE WHEN COALESCE(MAX(sequence), 0) = 7 AND COUNT(CASE WHEN load_id = '0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f' THEN 1 END) = 0 THEN 1 ELSE 0 END FROM "stagelift"."public.orders";
CREATE TEMP TABLE "stagelift_0f0f0f0f0f0f0f0f" ("boolean" BOOLEAN, "smallint" SMALLINT, "integer" INTEGER, "bigint" BIGINT, "oid" BIGINT, "real" REAL, "double_precision" DOUBLE PRECISION, "numeric(12,2)" DECIMAL(12,2), "text" VARCHAR(65535), "character_varying(40)" VARCHAR(160), "character(3)" VARCHAR(12), "bytea" VARBYTE(16777216), "date" DATE, "time_without_time_zone" TIME, "time_with_time_zone" VARCHAR(65535), "timestamp_without_time_zone" TIMESTAMP, "timestamp_with_time_zone" TIMESTAMPTZ, "interval" VARCHAR(67), "uuid" VARCHAR(36), "json" VARCHAR(65535), "jsonb" VARCHAR(65535), "inet" VARCHAR(43), "text[]" VARCHAR(65535), "bit(5)" VARCHAR(5));
COPY "stagelift_0f0f0f0f0f0f0f0f" FROM 's3://bucket/stage/shop/public.orders/20261121T003000Z-7f3a91c2/manifest.json' IAM_ROLE 'arn:aws:iam::123456789012:role/copy' FORMAT AS PARQUET STATUPDATE OFF MANIFEST;
SELECT 1 / CASE WHEN COUNT(*) = 1042 THEN 1 ELSE 0 END FROM "stagelift_0f0f0f0f0f0f0f0f";
CREATE TEMP TABLE "stagelift_0f0f0f0f0f0f0f0f_before" (n BIGINT);
INSERT INTO "stagelift_0f0f0f0f0f0f0f0f_before" (n) SELECT COUNT(*) FROM "public"."orders";
INSERT INTO "public"."orders" ("boolean", "smallint", "integer", "bigint", "oid", "real", "double_precision", "numeric(12,2)", "text", "character_varying(40)", "character(3)", "bytea", "date", "time_without_time_zone", "time_with_time_zone", "timestamp_without_time_zone", "timestamp_with_time_zone", "interval", "uuid", "json", "jsonb", "inet", "text[]", "bit(5)") SELECT "boolean", "smallint", "integer", "bigint", "oid", "real", "double_precision", "numeric(12,2)", "text", "character_varying(40)", "character(3)", "bytea", "date", "time_without_time_zone", CAST("time_with_time_zone" AS TIMETZ), "timestamp_without_time_zone", "timestamp_with_time_zone", "interval", "uuid", JSON_PARSE("json"), JSON_PARSE("jsonb"), "inet", JSON_PARSE("text[]"), "bit(5)" FROM "stagelift_0f0f0f0f0f0f0f0f";
SELECT 1 / CASE WHEN COUNT(*) = (SELECT n FROM "stagelift_0f0f0f0f0f0f0f0f_before") + (SELECT COUNT(*) FROM "stagelift_0f0f0f0f0f0f0f0f") THEN 1 ELSE 0 END FROM "public"."orders";
INSERT INTO "stagelift"."public.orders" (sequence, load_id, source, run, mode, row_count) SELECT 8, '0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f', 'public.orders', '20261121T003000Z-7f3a91c2', 'append', 1042;

-- look
SELECT table_schema, table_name, column_name, data_type, character_maximum_length, numeric_precision, numeric_scale FROM svv_columns WHERE table_schema = 'public' AND table_name = 'orders' OR table_schema = 'stagelift' AND table_name = 'public.orders';

-- create
CREATE SCHEMA IF NOT EXISTS "stagelift";
CREATE TABLE IF NOT EXISTS "stagelift"."public.orders" (sequence BIGINT, load_id VARCHAR(64), source VARCHAR(512), run VARCHAR(32), mode VARCHAR(16), window_from VARCHAR(512), window_to VARCHAR(512), row_count BIGINT, loaded_at TIMESTAMP DEFAULT SYSDATE);
CREATE SCHEMA IF NOT EXISTS "public";
CREATE TABLE IF NOT EXISTS "public"."orders" ("id" BIGINT, "total" DECIMAL(12,2), "the ""note""" VARCHAR(160), "attributes" SUPER, "photo" VARBYTE(16777216));
COMMENT ON COLUMN "public"."orders"."id" IS 'PostgreSQL: bigint';
COMMENT ON COLUMN "public"."orders"."total" IS 'PostgreSQL: numeric(12,2)';
COMMENT ON COLUMN "public"."orders"."the ""note""" IS 'PostgreSQL: character varying(40)';
COMMENT ON COLUMN "public"."orders"."attributes" IS 'PostgreSQL: jsonb';
COMMENT ON COLUMN "public"."orders"."photo" IS 'PostgreSQL: bytea';

-- ledger
SELECT COALESCE(sequence, 0), load_id, source, run, COALESCE(mode, 'append'), window_from, window_to, row_count FROM "stagelift"."public.orders" WHERE load_id = '0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f' OR source <> 'public.orders' OR sequence = (SELECT MAX(sequence) FROM "stagelift"."public.orders") OR run = (SELECT MAX(run) FROM "stagelift"."public.orders") OR run = (SELECT MAX(run) FROM "stagelift"."public.orders" WHERE window_to IS NULL AND mode <> 'append') OR run = (SELECT MAX(run) FROM "stagelift"."public.orders" WHERE mode = 'replace') OR sequence = (SELECT MAX(sequence) FROM "stagelift"."public.orders" WHERE window_to IS NOT NULL);

-- load
LOCK TABLE "stagelift"."public.orders";
SELECT 1 / CASE WHEN COALESCE(MAX(sequence), 0) = 7 AND COUNT(CASE WHEN load_id = '0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f' THEN 1 END) = 0 THEN 1 ELSE 0 END FROM "stagelift"."public.orders";
CREATE TEMP TABLE "stagelift_0f0f0f0f0f0f0f0f" ("id" BIGINT, "total" DECIMAL(12,2), "the ""note""" VARCHAR(160), "attributes" SUPER, "photo" VARBYTE(16777216));
COPY "stagelift_0f0f0f0f0f0f0f0f" ("id", "total", "the ""note""", "attributes", "photo") FROM 's3://bucket/stage/shop/public.orders/20261121T003000Z-7f3a91c2/manifest.json' IAM_ROLE 'arn:aws:iam::123456789012:role/copy' FORMAT AS CSV DELIMITER AS ',' DATEFORMAT AS 'auto' TIMEFORMAT AS 'auto' COMPUPDATE OFF REGION AS 'eu-central-1' STATUPDATE OFF MANIFEST;
SELECT 1 / CASE WHEN COUNT(*) = 1042 THEN 1 ELSE 0 END FROM "stagelift_0f0f0f0f0f0f0f0f";
DELETE FROM "public"."orders";
INSERT INTO "public"."orders" ("id", "total", "the ""note""", "attributes", "photo") SELECT "id", "total", "the ""note""", "attributes", "photo" FROM "stagelift_0f0f0f0f0f0f0f0f";
SELECT 1 / CASE WHEN COUNT(*) = (SELECT COUNT(*) FROM "stagelift_0f0f0f0f0f0f0f0f") THEN 1 ELSE 0 END FROM "public"."orders";
INSERT INTO "stagelift"."public.orders" (sequence, load_id, source, run, mode, row_count) SELECT 8, '0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f', 'public.orders', '20261121T003000Z-7f3a91c2', 'replace', 1042;

-- look
SELECT current_setting('enable_case_sensitive_identifier'), n.nspname, c.table_name, c.column_name, c.data_type, c.character_maximum_length, c.numeric_precision, c.numeric_scale, c.ordinal_position, c.remarks FROM pg_namespace AS n LEFT JOIN svv_columns AS c ON c.table_schema = n.nspname AND c.table_name IN ('orders', 'public.orders', 'loads') WHERE n.nspname IN ('public', 'stagelift', 'pg_catalog');

-- create
CREATE SCHEMA IF NOT EXISTS "stagelift";
CREATE TABLE IF NOT EXISTS "stagelift"."loads" (at TIMESTAMP DEFAULT SYSDATE, load_id VARCHAR(64), source VARCHAR(512), target VARCHAR(512), run VARCHAR(32), mode VARCHAR(16), state VARCHAR(16), window_from VARCHAR(512), window_to VARCHAR(512), rows_in BIGINT, rows_updated BIGINT, rows_deleted BIGINT, bytes BIGINT, changes VARCHAR(8192), seconds DOUBLE PRECISION, statements VARCHAR(4096), error_code VARCHAR(64), reason VARCHAR(8192));
CREATE TABLE IF NOT EXISTS "stagelift"."public.orders" (sequence BIGINT, load_id VARCHAR(64), source VARCHAR(512), run VARCHAR(32), mode VARCHAR(16), state VARCHAR(16), window_from VARCHAR(512), window_to VARCHAR(512), filter VARCHAR(64), absent VARCHAR(60000), swept BOOLEAN, repairs VARCHAR(32), row_count BIGINT, loaded_at TIMESTAMP DEFAULT SYSDATE);
INSERT INTO "stagelift"."public.orders" (sequence, load_id, source, run, mode, state, row_count) SELECT 0, '', '', '', 'lock', 'lock', 0 FROM (SELECT COUNT(*) AS locks FROM "stagelift"."public.orders" WHERE load_id = '') AS l WHERE l.locks = 0;
CREATE SCHEMA IF NOT EXISTS "public";
CREATE TABLE IF NOT EXISTS "public"."orders" ("id" BIGINT, "total" DECIMAL(12,2), "the ""note""" VARCHAR(160), "attributes" SUPER, "photo" VARBYTE(16777216));

-- wish
COMMENT ON COLUMN "public"."orders"."id" IS 'PostgreSQL: bigint';
COMMENT ON COLUMN "public"."orders"."total" IS 'PostgreSQL: numeric(12,2)';
COMMENT ON COLUMN "public"."orders"."the ""note""" IS 'PostgreSQL: character varying(40)';
COMMENT ON COLUMN "public"."orders"."attributes" IS 'PostgreSQL: jsonb';
COMMENT ON COLUMN "public"."orders"."photo" IS 'PostgreSQL: bytea';

-- ledger
SELECT COALESCE(sequence, 0), load_id, source, run, COALESCE(mode, 'append'), COALESCE(state, 'loaded'), window_from, window_to, COALESCE(filter, CASE WHEN mode = 'merge' THEN '?' ELSE '' END), absent, CASE WHEN swept THEN 1 ELSE 0 END, repairs, row_count FROM "stagelift"."public.orders" WHERE load_id = '0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f' OR source <> 'public.orders' OR run > '20261121T003000Z-7f3a91c2' OR state = 'abandoned' OR repairs = '20261121T003000Z-7f3a91c2' OR sequence = (SELECT MAX(sequence) FROM "stagelift"."public.orders") OR sequence = (SELECT MAX(sequence) FROM "stagelift"."public.orders" WHERE window_to IS NOT NULL AND COALESCE(state, 'loaded') <> 'aside') OR run = (SELECT MAX(run) FROM "stagelift"."public.orders" WHERE mode = 'replace') OR run = (SELECT MAX(run) FROM "stagelift"."public.orders" WHERE window_to IS NULL AND COALESCE(state, 'loaded') = 'loaded' AND COALESCE(filter, CASE WHEN mode = 'merge' THEN '?' ELSE '' END) = '');

-- load
LOCK TABLE "stagelift"."public.orders";
UPDATE "stagelift"."public.orders" SET loaded_at = SYSDATE WHERE load_id = '';
SELECT 1 / CASE WHEN COALESCE(MAX(sequence), 0) = 7 AND COUNT(CASE WHEN load_id = '0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f' THEN 1 END) = 0 AND COUNT(CASE WHEN load_id = '' THEN 1 END) > 0 THEN 1 ELSE 0 END FROM "stagelift"."public.orders";
CREATE TEMP TABLE "stagelift_0f0f0f0f0f0f0f0f" ("id" BIGINT, "total" DECIMAL(12,2), "the ""note""" VARCHAR(160), "attributes" SUPER, "photo" VARCHAR(65535));
COPY "stagelift_0f0f0f0f0f0f0f0f" ("id", "total", "the ""note""", "attributes", "photo") FROM 's3://bucket/stage/shop/public.orders/20261121T003000Z-7f3a91c2/manifest.json' IAM_ROLE 'arn:aws:iam::123456789012:role/copy' FORMAT AS JSON 'auto' ZSTD ROUNDEC DATEFORMAT AS 'auto' TIMEFORMAT AS 'auto' COMPUPDATE OFF REGION AS 'eu-central-1' STATUPDATE OFF MANIFEST;
SELECT COUNT(*), COUNT("id"), COUNT("total"), COUNT("the ""note"""), COUNT("attributes"), COUNT("photo") FROM "stagelift_0f0f0f0f0f0f0f0f";
CREATE TEMP TABLE "stagelift_0f0f0f0f0f0f0f0f_before" (n BIGINT);
INSERT INTO "stagelift_0f0f0f0f0f0f0f0f_before" (n) SELECT COUNT(*) FROM "public"."orders";
INSERT INTO "public"."orders" ("id", "total", "the ""note""", "attributes", "photo") SELECT "id", "total", "the ""note""", "attributes", TO_VARBYTE("photo", 'base64') FROM "stagelift_0f0f0f0f0f0f0f0f";
SELECT 1 / CASE WHEN a.n = b.n + s.n THEN 1 ELSE 0 END FROM (SELECT COUNT(*) AS n FROM "public"."orders") AS a, "stagelift_0f0f0f0f0f0f0f0f_before" AS b, (SELECT COUNT(*) AS n FROM "stagelift_0f0f0f0f0f0f0f0f") AS s;
INSERT INTO "stagelift"."loads" (load_id, source, target, run, mode, state, window_from, window_to, rows_in, rows_updated, rows_deleted, bytes, changes, seconds, statements, error_code, reason) SELECT '0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f', 'public.orders', 'public.orders', '20261121T003000Z-7f3a91c2', 'append', 'loaded', '', '', COUNT(*), 0, 0, 0, '', 0.000, '["stagelift-0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f-d99b20e9191629cf"]', '', '' FROM "stagelift_0f0f0f0f0f0f0f0f";
INSERT INTO "stagelift"."public.orders" (sequence, state, load_id, source, run, mode, filter, absent, swept, row_count) SELECT 8, 'loaded', '0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f', 'public.orders', '20261121T003000Z-7f3a91c2', 'append', '', '', false, COUNT(*) FROM "stagelift_0f0f0f0f0f0f0f0f";

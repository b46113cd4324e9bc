-- alter
ALTER TABLE "stagelift"."public.orders" ADD COLUMN sequence BIGINT;
ALTER TABLE "stagelift"."public.orders" ADD COLUMN source VARCHAR(512);
ALTER TABLE "stagelift"."public.orders" ADD COLUMN run VARCHAR(32);
ALTER TABLE "stagelift"."public.orders" ADD COLUMN mode VARCHAR(16);
ALTER TABLE "stagelift"."public.orders" ADD COLUMN state VARCHAR(16);
ALTER TABLE "stagelift"."public.orders" ADD COLUMN window_from VARCHAR(512);
ALTER TABLE "stagelift"."public.orders" ADD COLUMN window_to VARCHAR(512);
ALTER TABLE "stagelift"."public.orders" ADD COLUMN filter VARCHAR(64);
ALTER TABLE "stagelift"."public.orders" ADD COLUMN absent VARCHAR(60000);
ALTER TABLE "stagelift"."public.orders" ADD COLUMN swept BOOLEAN;
ALTER TABLE "stagelift"."public.orders" ADD COLUMN repairs VARCHAR(32);
ALTER TABLE "stagelift"."public.orders" ADD COLUMN row_count BIGINT;
ALTER TABLE "stagelift"."public.orders" ADD COLUMN loaded_at TIMESTAMP;

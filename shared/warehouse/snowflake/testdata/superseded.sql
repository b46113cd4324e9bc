ALTER SESSION SET TRANSACTION_ABORT_ON_ERROR = TRUE;
ALTER SESSION SET LOCK_TIMEOUT = 60;
BEGIN TRANSACTION;
UPDATE "STAGELIFT"."public.orders" SET loaded_at = CURRENT_TIMESTAMP() WHERE load_id = '';
SELECT CAST(CASE WHEN COUNT(*) > 0 THEN '1' ELSE 'stagelift lock ' || COUNT(*) END AS NUMBER(38,0)) FROM "STAGELIFT"."public.orders" WHERE load_id = '';
SELECT CAST(CASE WHEN MAX(sequence) = 1 AND COUNT(CASE WHEN load_id = '0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f' THEN 1 END) = 0 THEN '1' ELSE 'stagelift ledger ' || COUNT(*) END AS NUMBER(38,0)) FROM "STAGELIFT"."public.orders";
INSERT INTO "STAGELIFT"."public.orders" (sequence, load_id, source, run, mode, window_from, window_to, row_count, loaded_at) SELECT (SELECT MAX(sequence) + 1 FROM "STAGELIFT"."public.orders"), '0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f', 'public.orders', '20261121T003000Z-7f3a91c2', 'merge', '2026-11-20 00:00:00+00', '2026-11-21 00:00:00+00', 0, CURRENT_TIMESTAMP();
COMMIT;

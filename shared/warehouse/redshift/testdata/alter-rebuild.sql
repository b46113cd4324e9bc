-- look
SELECT vn.nspname, v.relname, a.attname FROM pg_depend AS d JOIN pg_rewrite AS r ON d.objid = r.oid JOIN pg_class AS v ON r.ev_class = v.oid JOIN pg_class AS t ON d.refobjid = t.oid JOIN pg_attribute AS a ON d.refobjid = a.attrelid AND d.refobjsubid = a.attnum JOIN pg_namespace AS vn ON vn.oid = v.relnamespace JOIN pg_namespace AS tn ON tn.oid = t.relnamespace WHERE tn.nspname = 'public' AND t.relname = 'orders' AND a.attnum > 0;

-- alter
ALTER TABLE "public"."orders" ADD COLUMN "stagelift_a56145270ce6b3be" BIGINT;
UPDATE "public"."orders" SET "stagelift_a56145270ce6b3be" = "id";
ALTER TABLE "public"."orders" DROP COLUMN "id" RESTRICT;
ALTER TABLE "public"."orders" RENAME COLUMN "stagelift_a56145270ce6b3be" TO "id";
ALTER TABLE "public"."orders" ADD COLUMN "stagelift_11239872d178729a" DECIMAL(12,2);
UPDATE "public"."orders" SET "stagelift_11239872d178729a" = "total";
ALTER TABLE "public"."orders" DROP COLUMN "total" RESTRICT;
ALTER TABLE "public"."orders" RENAME COLUMN "stagelift_11239872d178729a" TO "total";

-- alter
ALTER TABLE "public"."orders" ADD COLUMN "total" DECIMAL(12,2);
COMMENT ON COLUMN "public"."orders"."total" IS 'PostgreSQL: numeric(12,2)';
ALTER TABLE "public"."orders" ADD COLUMN "the ""note""" VARCHAR(160);
COMMENT ON COLUMN "public"."orders"."the ""note""" IS 'PostgreSQL: character varying(40)';
ALTER TABLE "public"."orders" ADD COLUMN "attributes" SUPER;
COMMENT ON COLUMN "public"."orders"."attributes" IS 'PostgreSQL: jsonb';
ALTER TABLE "public"."orders" ADD COLUMN "photo" VARBYTE(16777216);
COMMENT ON COLUMN "public"."orders"."photo" IS 'PostgreSQL: bytea';

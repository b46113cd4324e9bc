-- alter
ALTER TABLE "public"."orders" ADD COLUMN "total" DECIMAL(12,2);
ALTER TABLE "public"."orders" ADD COLUMN "the ""note""" VARCHAR(160);
ALTER TABLE "public"."orders" ADD COLUMN "attributes" SUPER;
ALTER TABLE "public"."orders" ADD COLUMN "photo" VARBYTE(16777216);

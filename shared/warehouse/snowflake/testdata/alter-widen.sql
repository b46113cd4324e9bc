ALTER TABLE "public"."orders" ALTER COLUMN "the ""note""" SET DATA TYPE VARCHAR(40);

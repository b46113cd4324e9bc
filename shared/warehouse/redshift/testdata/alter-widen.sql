-- widen
ALTER TABLE "public"."orders" ALTER COLUMN "the ""note""" TYPE VARCHAR(160);

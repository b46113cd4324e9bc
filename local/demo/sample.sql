-- A shop. Values are made from row numbers, so that every run has the same.
SELECT setseed(0.42);

CREATE TYPE order_state AS ENUM ('new', 'paid', 'shipped', 'returned');

CREATE TABLE customers (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  public_id  uuid NOT NULL,
  name       varchar(80) NOT NULL,
  email      text,
  country    varchar(2),
  newsletter boolean,
  joined     timestamptz NOT NULL,
  settings   jsonb
);
INSERT INTO customers (public_id, name, email, country, newsletter, joined, settings)
SELECT md5('c' || i)::uuid,
       (ARRAY['Zoë Müller', 'José "Pepe" Núñez', '山田 太郎', 'Łukasz, Jr.', 'Anna O''Hara', 'Søren 🚲'])[1 + i % 6] || ' ' || i,
       CASE WHEN i % 10 = 0 THEN NULL WHEN i % 10 = 1 THEN '' ELSE 'customer' || i || '@example.com' END,
       (ARRAY['DE', 'FR', 'JP', 'PL', 'US', NULL])[1 + i % 6],
       CASE i % 3 WHEN 0 THEN true WHEN 1 THEN false END,
       timestamptz '2020-01-01 00:00:00.000001+00' + i * interval '17 minutes',
       CASE WHEN i % 4 = 0 THEN NULL ELSE jsonb_build_object('theme', 'dark', 'tags', ARRAY['a', 'b"c'], 'n', i) END
FROM generate_series(1, 120000) AS i;

CREATE TABLE products (
  sku         varchar(20) PRIMARY KEY,
  title       text NOT NULL,
  price       numeric(10,2) NOT NULL,
  weight      real,
  dimensions  double precision[],
  photo       bytea,
  description text
);
INSERT INTO products
SELECT 'SKU-' || i, 'Product ' || i, (i % 100000) / 100.0, CASE WHEN i % 7 = 0 THEN NULL ELSE i / 3.0 END,
       CASE WHEN i % 5 = 0 THEN NULL ELSE ARRAY[i, i / 2.0] END,
       CASE WHEN i % 3 = 0 THEN NULL ELSE decode(md5(i::text), 'hex') END,
       CASE i % 4 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN E'line one\nline "two"\r\nline, three' ELSE '\N is not NULL here' END
FROM generate_series(1, 20000) AS i;

CREATE TABLE orders (
  id         bigint PRIMARY KEY,
  customer   bigint NOT NULL,
  state      order_state NOT NULL,
  total      numeric(12,2) NOT NULL,
  ordered_on date NOT NULL,
  note       text
);
INSERT INTO orders
SELECT i, 1 + i % 120000, (ARRAY['new', 'paid', 'shipped', 'returned'])[1 + i % 4]::order_state,
       (i % 1000000) / 100.0, date '2024-01-01' + (i % 1000)::int,
       CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE 'deliver to door ' || i END
FROM generate_series(1, 300000) AS i;

CREATE TABLE "Order Items" (
  "Order Id" bigint NOT NULL,
  "Line"     smallint NOT NULL,
  sku        varchar(20) NOT NULL,
  "Qty, net" integer NOT NULL,
  "said ""so""" text,
  PRIMARY KEY ("Order Id", "Line")
);
INSERT INTO "Order Items"
SELECT 1 + i / 3, 1 + i % 3, 'SKU-' || (1 + i % 20000), i % 9, CASE WHEN i % 6 = 0 THEN 'she said "yes", twice' END
FROM generate_series(0, 599999) AS i;

CREATE TABLE events (
  id       bigint NOT NULL,
  at       timestamp NOT NULL,
  kind     text NOT NULL,
  address  inet,
  duration interval
) PARTITION BY RANGE (at);
CREATE TABLE events_2026_09 PARTITION OF events FOR VALUES FROM ('2026-09-01') TO ('2026-10-01');
CREATE TABLE events_2026_10 PARTITION OF events FOR VALUES FROM ('2026-10-01') TO ('2026-11-01');
CREATE TABLE events_2026_11 PARTITION OF events FOR VALUES FROM ('2026-11-01') TO ('2026-12-01');
INSERT INTO events
SELECT i, timestamp '2026-09-01' + i * interval '19 seconds', (ARRAY['view', 'click', 'buy'])[1 + i % 3],
       CASE WHEN i % 3 = 0 THEN NULL ELSE ('10.0.' || i % 256 || '.' || i % 200)::inet END, i * interval '1.5 seconds'
FROM generate_series(0, 400000) AS i WHERE timestamp '2026-09-01' + i * interval '19 seconds' < '2026-12-01';

CREATE TABLE stock (
  warehouse integer,
  sku       varchar(20),
  pieces    integer NOT NULL,
  counted   time NOT NULL,
  PRIMARY KEY (warehouse, sku)
);
INSERT INTO stock SELECT w, 'SKU-' || i, (w * i) % 500, time '08:00' + i * interval '1 second'
FROM generate_series(1, 5) AS w, generate_series(1, 20000) AS i;

CREATE TABLE reviews (words text);
INSERT INTO reviews SELECT CASE i % 4 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN 'お気に入り ' || i ELSE E'"fine"\n' || i END
FROM generate_series(1, 20000) AS i;

CREATE TABLE returns_2027 (id bigint PRIMARY KEY, reason text);

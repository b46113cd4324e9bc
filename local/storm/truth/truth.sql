-- What really happened, written by the very transactions that do it.
CREATE SCHEMA truth;

-- Identities and versions are never given twice, in no table.
CREATE SEQUENCE truth.ids;
CREATE SEQUENCE truth.versions;
CREATE SEQUENCE truth.seq;

CREATE TABLE truth.changes (
  seq bigint NOT NULL DEFAULT nextval('truth.seq'),
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  rel oid NOT NULL,
  act "char" NOT NULL, -- s(et), d(rop), c(lear)
  id bigint NOT NULL,
  doc jsonb
);

CREATE TABLE truth.names (
  seq bigint NOT NULL DEFAULT nextval('truth.seq'),
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  name text NOT NULL,
  parts oid[], -- NULL: there is no such name any more
  alone oid[],
  columns text[]
);

-- Wide values repeat an MD5.
CREATE FUNCTION truth.pad(version bigint, times int) RETURNS text IMMUTABLE LANGUAGE sql AS
  $$ SELECT repeat(md5(version::text), times) $$;

-- Runs a statement several times, each in a transaction of its own.
CREATE PROCEDURE truth.batch(statement text, times int, pause float) LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1..times LOOP
    EXECUTE statement;
    COMMIT;
    PERFORM pg_sleep(pause);
  END LOOP;
END $$;

CREATE FUNCTION truth.doc(r anyelement) RETURNS jsonb STABLE LANGUAGE plpgsql AS $$
DECLARE d jsonb := to_jsonb(r);
BEGIN
  IF d->>'pad' IS NOT NULL THEN
    d := jsonb_set(d, '{pad}', to_jsonb(left(d->>'pad', 32) || '*' || length(d->>'pad') / 32));
  END IF;
  RETURN d;
END $$;

CREATE FUNCTION truth.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    INSERT INTO truth.changes (rel, act, id) VALUES (TG_RELID, 'c', 0);
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO truth.changes (rel, act, id) VALUES (TG_RELID, 'd', OLD.id);
  ELSE
    INSERT INTO truth.changes (rel, act, id, doc) VALUES (TG_RELID, 's', NEW.id, truth.doc(NEW));
  END IF;
  RETURN NULL;
END $$;

-- Writes down all rows of a relation anew, after a change that no trigger sees.
CREATE FUNCTION truth.again(rel regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO truth.changes (rel, act, id) VALUES (rel, 'c', 0);
  EXECUTE format('INSERT INTO truth.changes (rel, act, id, doc) SELECT %L::regclass, ''s'', t.id, truth.doc(t) FROM ONLY %s AS t', rel, rel);
END $$;

-- Watches a relation that has rows of its own, from now on.
CREATE FUNCTION truth.watch(rel regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TRIGGER truth AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION truth.note()', rel);
  EXECUTE format('CREATE TRIGGER truth_all AFTER TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION truth.note()', rel);
  PERFORM truth.again(rel);
END $$;

-- The relations whose rows a relation shows, without what is being detached.
CREATE FUNCTION truth.parts(rel oid, leaving oid) RETURNS oid[] STABLE LANGUAGE sql AS $$
  WITH RECURSIVE below(rel) AS (
    SELECT rel
    UNION
    SELECT x.rel FROM below CROSS JOIN LATERAL (
      SELECT i.inhrelid FROM pg_inherits i
       WHERE i.inhparent = below.rel AND NOT i.inhdetachpending AND i.inhrelid IS DISTINCT FROM leaving
      UNION ALL
      SELECT d.refobjid FROM pg_rewrite r
        JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
        JOIN pg_class v ON v.oid = r.ev_class AND v.relkind = 'v'
       WHERE r.ev_class = below.rel AND d.refobjid <> below.rel
    ) x(rel))
  SELECT coalesce(array_agg(c.oid ORDER BY c.oid), '{}') FROM below JOIN pg_class c ON c.oid = below.rel WHERE c.relkind IN ('r', 'm')
$$;

-- Writes down what all names stand for. One session at a time changes names.
CREATE FUNCTION truth.name_all(leaving oid DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
  INSERT INTO truth.names (name, parts, alone, columns)
  WITH now AS (
    SELECT n.nspname || '.' || c.relname AS name, truth.parts(c.oid, leaving) AS parts,
           CASE WHEN c.relkind IN ('r', 'm') THEN ARRAY[c.oid] ELSE '{}' END AS alone,
           ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum) AS columns
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'm', 'v', 'p') AND n.nspname ~ '^storm'),
  before AS (SELECT DISTINCT ON (name) name, parts, alone, columns FROM truth.names ORDER BY name, seq DESC)
  SELECT coalesce(now.name, before.name), now.parts, now.alone, now.columns
    FROM now FULL JOIN before ON before.name = now.name
   WHERE (now.parts, now.alone, now.columns) IS DISTINCT FROM (before.parts, before.alone, before.columns)
$$;

-- DETACH PARTITION CONCURRENTLY has two transactions, and takes the partition
-- away in the first. This runs in it.
CREATE FUNCTION truth.detaching() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
  IF coalesce(current_setting('truth.leaving', true), '') <> '' THEN
    PERFORM truth.name_all(current_setting('truth.leaving')::oid);
  END IF;
END $$;
CREATE EVENT TRIGGER truth_detaching ON ddl_command_start WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION truth.detaching();

-- What role $1 needs of the database's extensions to fill their tables and to use their foreign data wrappers.
WITH relation AS (
    SELECT n.nspname, c.relname, c.relkind
      FROM pg_extension e, unnest(e.extconfig) AS config (oid)
      JOIN pg_class c ON c.oid = config.oid
      JOIN pg_namespace n ON n.oid = c.relnamespace
)
SELECT format('GRANT USAGE ON SCHEMA %I TO %I', nspname, $1::text) AS statement FROM relation
UNION
SELECT format(CASE relkind WHEN 'S' THEN 'GRANT ALL ON SEQUENCE %I.%I TO %I' ELSE 'GRANT SELECT, INSERT, UPDATE ON TABLE %I.%I TO %I' END,
              nspname, relname, $1)
  FROM relation
UNION
SELECT format('GRANT USAGE ON FOREIGN DATA WRAPPER %I TO %I', fdwname, $1) FROM pg_foreign_data_wrapper

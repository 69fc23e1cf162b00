-- Makes amcheck anew in schema $1, which is new too: beside one that was there, in a schema or of an owner of the copy's choice, there may be functions
-- that fit better what is called.
SELECT statement
  FROM (VALUES (1, 'DROP EXTENSION IF EXISTS amcheck CASCADE'),
               (2, pg_catalog.format('CREATE SCHEMA %I', $1::text)),
               (3, pg_catalog.format('CREATE EXTENSION amcheck WITH SCHEMA %I', $1))) AS made (n, statement)
 ORDER BY n

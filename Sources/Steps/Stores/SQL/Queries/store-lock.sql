-- One maker of tables at a time: IF NOT EXISTS alone lets two collide in the catalog.
SELECT pg_advisory_xact_lock(hashtext('snappy-flow object store'))

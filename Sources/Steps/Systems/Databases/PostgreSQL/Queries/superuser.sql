SELECT rolname AS name FROM pg_catalog.pg_roles WHERE oid = 10

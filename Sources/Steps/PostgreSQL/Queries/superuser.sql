SELECT rolname AS name FROM pg_roles WHERE oid = 10

SELECT datname AS name FROM pg_database WHERE oid = $1::oid

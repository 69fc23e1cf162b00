SELECT oid::int8 AS oid FROM pg_database WHERE datname = $1

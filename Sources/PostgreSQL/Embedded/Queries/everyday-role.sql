SELECT rolname FROM pg_roles WHERE rolname = 'snappy_flow'

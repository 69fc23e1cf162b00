SELECT pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname = 'snappy_flow'

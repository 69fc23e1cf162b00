SELECT pg_backend_pid() AS pid,
       (SELECT setting::int8 FROM pg_settings WHERE name = 'wal_segment_size') AS segment_bytes,
       (SELECT setting FROM pg_settings WHERE name = 'data_directory') AS data_folder

SELECT pg_backend_pid() AS pid,
       (SELECT backend_start::text FROM pg_stat_activity WHERE pid = pg_backend_pid()) AS started,
       (SELECT setting FROM pg_settings WHERE name = 'data_directory') AS data_folder

SELECT pg_backup_start($1, $2) AS position

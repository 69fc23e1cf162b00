-- $1 what the names of sessions in backup mode begin with
SELECT application_name AS name, pid, coalesce(host(client_addr), 'local') AS client,
       (extract(epoch FROM backend_start) * 1000000)::int8 AS since
  FROM pg_stat_activity
 WHERE starts_with(application_name, $1) AND usename = current_user AND pid <> pg_backend_pid()

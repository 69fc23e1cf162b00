-- Ends the sessions in database $1 that the user may end.
SELECT count(pg_terminate_backend(pid)) AS ended
  FROM pg_stat_activity AS session
  JOIN pg_roles AS role ON role.oid = session.usesysid
 WHERE session.datname = $1 AND pid <> pg_backend_pid()
   AND CASE WHEN role.rolsuper THEN (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
            ELSE pg_has_role(role.oid, 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE') END

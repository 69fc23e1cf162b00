-- What lets code that runs as the current user take over the server, or run programs on its host.
SELECT DISTINCT power
  FROM pg_roles AS role,
       LATERAL (VALUES ('SUPERUSER', role.rolsuper),
                       -- Until 15 it gives its holder any role but a superuser's.
                       ('CREATEROLE', role.rolcreaterole AND current_setting('server_version_num')::int < 160000),
                       (role.rolname::text, role.rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')))
           AS had (power, has)
 WHERE has AND pg_has_role(current_user, role.oid, 'MEMBER')
 ORDER BY power

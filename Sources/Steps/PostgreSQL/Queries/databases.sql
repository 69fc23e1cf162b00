SELECT datname AS name,
       CASE WHEN has_database_privilege(datname, 'CONNECT') OR pg_has_role('pg_read_all_stats', 'MEMBER')
            THEN pg_database_size(datname) END AS bytes
  FROM pg_database
 WHERE datallowconn AND datname NOT IN ('template0', 'template1')
 ORDER BY datname

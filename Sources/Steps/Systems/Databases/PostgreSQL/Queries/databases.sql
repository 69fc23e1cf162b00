SELECT datname AS name, pg_encoding_to_char(encoding) AS encoding,
       CASE WHEN has_database_privilege(datname, 'CONNECT') OR pg_has_role('pg_read_all_stats', 'MEMBER')
            THEN pg_database_size(datname) END AS bytes
  FROM pg_database
 WHERE datallowconn AND datname NOT IN ('template0', 'template1')
 ORDER BY datname

SELECT spcname AS name FROM pg_tablespace WHERE spcname <> 'pg_global' AND has_tablespace_privilege(oid, 'CREATE')

UPDATE pg_db_role_setting
   SET setconfig = NULLIF(
           ARRAY(SELECT item FROM unnest(setconfig) item WHERE item !~ '^(session|local)_preload_libraries='), '{}')
 WHERE EXISTS (SELECT FROM unnest(setconfig) item WHERE item ~ '^(session|local)_preload_libraries=')

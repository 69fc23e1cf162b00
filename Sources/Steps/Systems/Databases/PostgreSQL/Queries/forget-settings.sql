-- Settings of roles and databases that load libraries, or have damage passed over in silence.
UPDATE pg_catalog.pg_db_role_setting
   SET setconfig = NULLIF(ARRAY(SELECT item FROM unnest(setconfig) AS item WHERE item !~* $1), '{}')
 WHERE EXISTS (SELECT FROM unnest(setconfig) AS item WHERE item ~* $1)

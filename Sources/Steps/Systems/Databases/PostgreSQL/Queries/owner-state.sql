-- Whether the user may give a database to role $1, and may rename it afterwards.
SELECT pg_has_role($1::name, 'USAGE')
       AND CASE WHEN current_setting('server_version_num')::int >= 160000 THEN pg_has_role($1::name, 'SET') ELSE true END AS may_be_given

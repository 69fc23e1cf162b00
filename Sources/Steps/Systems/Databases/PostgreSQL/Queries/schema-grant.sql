-- Until 14 `public` is the bootstrap superuser's, not the database's owner's.
SELECT format('ALTER SCHEMA public OWNER TO %I', $1::text) AS statement

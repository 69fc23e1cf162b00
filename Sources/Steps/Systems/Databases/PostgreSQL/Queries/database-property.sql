-- $1 the database, and one of: $2 its limit of connections, $3 its comment, $4 whether it is a template.
SELECT CASE WHEN $2::int IS NOT NULL THEN format('ALTER DATABASE %I CONNECTION LIMIT %s', $1::text, $2)
            WHEN $3::text IS NOT NULL THEN format('COMMENT ON DATABASE %I IS %L', $1, $3)
            ELSE format('ALTER DATABASE %I IS_TEMPLATE %s', $1, $4::bool::text) END AS statement

-- $1 tenant, $2 resources
SELECT EXISTS (SELECT FROM holds WHERE tenant = $1 AND resource = ANY ($2::text[])) AS held

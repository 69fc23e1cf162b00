SELECT name, size
FROM snappy_flow_objects
WHERE repository = $1 AND name > $3 AND starts_with(name, $2)
ORDER BY name
LIMIT 5000

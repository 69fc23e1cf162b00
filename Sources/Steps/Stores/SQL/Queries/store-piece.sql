-- $4 counts from 1
SELECT substring(bytes FROM $4::integer FOR $5::integer) AS bytes
FROM snappy_flow_pieces
WHERE repository = $1 AND name = $2 AND number = $3

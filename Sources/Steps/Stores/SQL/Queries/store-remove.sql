DELETE FROM snappy_flow_objects WHERE repository = $1 AND name = $2

INSERT INTO snappy_flow_objects (repository, name, size) VALUES ($1, $2, $3)

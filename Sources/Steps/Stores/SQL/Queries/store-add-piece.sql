INSERT INTO snappy_flow_pieces (repository, name, number, bytes) VALUES ($1, $2, $3, $4)

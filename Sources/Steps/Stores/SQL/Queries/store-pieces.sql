CREATE TABLE IF NOT EXISTS snappy_flow_pieces (
    repository text COLLATE "C" NOT NULL,
    name       text COLLATE "C" NOT NULL,
    number     integer NOT NULL CHECK (number >= 0),
    bytes      bytea NOT NULL,
    PRIMARY KEY (repository, name, number),
    FOREIGN KEY (repository, name) REFERENCES snappy_flow_objects ON DELETE CASCADE
)

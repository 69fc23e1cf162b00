CREATE TABLE IF NOT EXISTS snappy_flow_objects (
    repository text COLLATE "C" NOT NULL,
    name       text COLLATE "C" NOT NULL CHECK (name <> ''),
    size       bigint NOT NULL CHECK (size >= 0),
    stored     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (repository, name)
)

-- What is encrypted can't be compressed, and parts of it can be read alone this way.
ALTER TABLE snappy_flow_pieces ALTER COLUMN bytes SET STORAGE EXTERNAL

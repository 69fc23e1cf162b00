-- $1 words. Nobody waits for the disk: a notification is lost with the server anyway.
SELECT set_config('synchronous_commit', 'off', true), pg_notify('snappy_flow_' || current_schema(), text) FROM unnest($1::text[]) AS text

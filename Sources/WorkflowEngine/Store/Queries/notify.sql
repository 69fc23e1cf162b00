SELECT pg_notify('snappy_flow_' || current_schema(), text) FROM unnest($1::text[]) AS text

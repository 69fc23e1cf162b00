SELECT pg_notify('snappy_flow_' || current_schema(), '')

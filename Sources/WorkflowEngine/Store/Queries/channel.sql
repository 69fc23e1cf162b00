SELECT 'snappy_flow_' || current_schema() AS channel

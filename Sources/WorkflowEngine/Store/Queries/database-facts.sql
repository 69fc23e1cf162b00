SELECT micros(clock_timestamp()) AS now, current_setting('server_version') AS version, current_setting('server_version_num')::integer AS number

SELECT micros(clock_timestamp()) AS now

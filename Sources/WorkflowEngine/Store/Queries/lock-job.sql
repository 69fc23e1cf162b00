-- $1 job. Its version, which nobody changes until the transaction ends. Waits for who changes it just now.
SELECT version, micros(clock_timestamp()) AS now FROM jobs WHERE id = $1::uuid FOR NO KEY UPDATE

-- Whether a step or window of any job holds a system for itself.
SELECT EXISTS (SELECT FROM holds WHERE mode = 'exclusive' AND starts_with(resource, 'system/')) AS is_open

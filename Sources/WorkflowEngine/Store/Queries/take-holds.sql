-- $1 jsonb: [{tenant, job, owner, resource, mode, capacity}]. Takes what is free, in the order of names (so that two claims can't
-- wait for each other); what is not free gives no row. Returns what was taken.
WITH wanted AS (
    SELECT w.*, nextval('hold_slots')::integer AS seat,
        row_number() OVER (PARTITION BY tenant, resource ORDER BY job, owner) - 1 AS turn
    FROM jsonb_to_recordset($1::jsonb) AS w(tenant text, job uuid, owner text, resource text, mode text, capacity integer)
), slotted AS (
    SELECT w.*,
        CASE w.mode
            WHEN 'exclusive' THEN int4range(NULL, NULL)
            WHEN 'shared' THEN int4range(seat, seat + 1)
            ELSE (SELECT int4range(free, free + 1) FROM generate_series(0, w.capacity - 1) AS free
                  WHERE NOT EXISTS (SELECT FROM holds h WHERE h.tenant = w.tenant AND h.resource = w.resource AND h.slots @> free)
                  ORDER BY free OFFSET w.turn LIMIT 1)
        END AS slots
    FROM wanted w
)
INSERT INTO holds (tenant, resource, mode, slots, job, owner)
SELECT tenant, resource, mode, slots, job, owner FROM slotted WHERE slots IS NOT NULL
ORDER BY tenant, resource, turn
ON CONFLICT DO NOTHING
RETURNING job, owner, resource

-- $1 tenant, $2 plan id, $3 pipeline, $4 plan, $5 job, $6 origin, $7 owner, $8 parameters, $9 created at and $10 deadline in microseconds,
-- $11 maker, $12 seal.
-- The job has version 0 and no steps; a transition gives it them.
WITH plan AS (
    INSERT INTO plans (tenant, id, pipeline, document) VALUES ($1, $2, $3, $4::jsonb) ON CONFLICT DO NOTHING
)
INSERT INTO jobs (tenant, id, plan, pipeline, origin, owner, parameters, version, created_at, deadline, cleanup, round, last_token, armed_count,
                  maker, seal)
VALUES ($1, $5::uuid, $2, $3, $6, $7, $8::jsonb, 0, instant($9::bigint), instant($10::bigint), 'clean', 1, 0, 0, $11, $12)

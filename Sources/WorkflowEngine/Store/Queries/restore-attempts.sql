-- $1 job, $2 attempts and $3 undone compensations as history kept them.
WITH tries AS (
    INSERT INTO attempts (job, step, number, token, worker, started_at, ended_at, outcome, error)
    SELECT $1::uuid, x.step, x.number, x.token, x.worker, instant(x."startedAt"), instant(x."endedAt"), x.outcome, x.error
    FROM jsonb_to_recordset($2::jsonb) AS x(
        step text, number integer, token bigint, worker text, "startedAt" bigint, "endedAt" bigint, outcome text, error jsonb)
)
INSERT INTO compensations (job, step, generation, position, armed_at, host, state, state_version, kept, former, owes_own, early, undone_at)
SELECT $1::uuid, x.step, x.generation, x.position, x.armed_at, x.host, x.state, x.state_version, x.kept, x.former, x.owes_own, x.early, x.undone_at
FROM jsonb_to_recordset($3::jsonb) AS x(
    step text, generation integer, position integer, armed_at timestamptz, host text, state jsonb, state_version integer, kept jsonb,
    former jsonb, owes_own boolean, early boolean, undone_at timestamptz)

-- $1 jsonb: [{job, expected, tokens, progress, tickAt, steps, added, windows, attempts, compensations, releases, events, proofs, bases,
-- released}]. Applies each whole, or, when the job's version is not `expected` or one of the tokens is not the live one of its step, changes
-- no row of it. Returns the jobs that were changed. Times are microseconds.
WITH input AS (
    SELECT (t ->> 'job')::uuid AS job, (t ->> 'expected')::bigint AS expected, t AS body
    FROM jsonb_array_elements($1::jsonb) AS t
), accepted AS (
    UPDATE jobs j
    SET version = p.version, deadline = instant(p."deadline"), stopping = p.stopping, stopped_by = p."stoppedBy", outcome = p.outcome,
        cleanup = p.cleanup, ended_at = instant(p."endedAt"), round = p.round, last_token = p."lastToken", armed_count = p."armedCount",
        tick_at = instant((i.body ->> 'tickAt')::bigint)
    FROM input i,
        jsonb_to_record(i.body -> 'progress') AS p(
            version bigint, "deadline" bigint, stopping text, "stoppedBy" text, outcome text, cleanup text, "endedAt" bigint, round integer,
            "lastToken" bigint, "armedCount" integer)
    WHERE j.id = i.job AND j.version = i.expected
        AND NOT EXISTS (
            SELECT FROM jsonb_to_recordset(i.body -> 'tokens') AS t(step text, token bigint)
            WHERE NOT EXISTS (SELECT FROM steps s WHERE s.job = i.job AND s.id = t.step AND s.token = t.token AND s.state = 'running'))
    RETURNING j.id AS job, j.tenant, i.body, j.version
), added_plans AS (
    INSERT INTO step_plans (job, id, position, planned)
    SELECT a.job, x.id, x.position, x.planned
    FROM accepted a, jsonb_to_recordset(a.body -> 'added') AS x(id text, position integer, planned jsonb)
), added_steps AS (
    INSERT INTO steps (job, id, state, skip_reason, not_before, token, worker, bound_worker, bound_host, attempts, failures, started_at, ended_at,
                       deadline, stop, outputs, missed, error, signal, members, generation, class, priority, labels, wants, ready_at, rank,
                       changed_in)
    SELECT a.job, x.id, r.state, r.skipped, instant(r."notBefore"), r.token, r.worker, r."boundWorker", r."boundHost", r.attempts, r.failures,
        instant(r."startedAt"), instant(r."endedAt"), instant(r."deadline"), r.stop, r.outputs, r.missed, r.error, r.signal, r.members,
        r.generation, x.class, x.priority, x.labels, x.wants,
        CASE WHEN r.state = 'ready' THEN now() END,
        CASE WHEN r.state = 'ready' THEN micros(now()) - x.priority * 600000000::bigint END, a.version
    FROM accepted a,
        jsonb_to_recordset(a.body -> 'added') AS x(id text, run jsonb, class smallint, priority integer, labels text[], wants jsonb),
        jsonb_to_record(x.run) AS r(
            state text, skipped text, "notBefore" bigint, token bigint, worker text, "boundWorker" text, "boundHost" text,
            attempts integer, failures integer, "startedAt" bigint, "endedAt" bigint, "deadline" bigint, stop text, outputs jsonb,
            missed jsonb, error jsonb, signal jsonb, members jsonb, generation integer)
), changed_steps AS (
    UPDATE steps s
    SET state = r.state, skip_reason = r.skipped, not_before = instant(r."notBefore"), token = r.token, worker = r.worker,
        bound_worker = r."boundWorker", bound_host = r."boundHost", attempts = r.attempts, failures = r.failures,
        started_at = instant(r."startedAt"), ended_at = instant(r."endedAt"), deadline = instant(r."deadline"), stop = r.stop,
        outputs = r.outputs, missed = r.missed, error = r.error, signal = r.signal, members = r.members, generation = r.generation,
        changed_in = a.version,
        ready_at = CASE WHEN r.state = 'ready' THEN coalesce(s.ready_at, now()) ELSE s.ready_at END,
        rank = CASE WHEN r.state = 'ready' THEN micros(coalesce(s.ready_at, now())) - s.priority * 600000000::bigint END
    -- With the limit the planner takes them for few and looks each up, instead of reading every step there is.
    FROM accepted a CROSS JOIN LATERAL (
        SELECT x.* FROM jsonb_to_recordset(a.body -> 'steps') AS x(
            id text, state text, skipped text, "notBefore" bigint, token bigint, worker text, "boundWorker" text, "boundHost" text,
            attempts integer, failures integer, "startedAt" bigint, "endedAt" bigint, "deadline" bigint, stop text, outputs jsonb,
            missed jsonb, error jsonb, signal jsonb, members jsonb, generation integer)
        LIMIT jsonb_array_length(a.body -> 'steps')) r
    WHERE s.job = a.job AND s.id = r.id
), changed_windows AS (
    INSERT INTO windows (job, id, position, planned, phase, worker, hold_until, hold_passed, failures, retry_at, changed_in)
    SELECT a.job, x.id, x.position, x.planned, r.phase, r.worker, instant(r."holdUntil"), r."holdPassed", r.failures, instant(r."retryAt"),
        a.version
    FROM accepted a,
        jsonb_to_recordset(a.body -> 'windows') AS x(id text, position integer, planned jsonb, run jsonb),
        jsonb_to_record(x.run) AS r(phase text, worker text, "holdUntil" bigint, "holdPassed" boolean, failures integer, "retryAt" bigint)
    ON CONFLICT (job, id) DO UPDATE
    SET planned = excluded.planned, phase = excluded.phase, worker = excluded.worker, hold_until = excluded.hold_until,
        hold_passed = excluded.hold_passed, failures = excluded.failures, retry_at = excluded.retry_at,
        changed_in = excluded.changed_in
), changed_attempts AS (
    INSERT INTO attempts (job, step, number, token, worker, started_at, ended_at, outcome, error)
    SELECT a.job, x.step, x.number, x.token, x.worker, instant(x."at"), CASE WHEN x.outcome <> 'running' THEN instant(x."at") END, x.outcome, x.error
    FROM accepted a,
        jsonb_to_recordset(a.body -> 'attempts') AS x(step text, number integer, token bigint, worker text, "at" bigint, outcome text, error jsonb)
    WHERE x.worker IS NOT NULL
), closed_attempts AS (
    UPDATE attempts t
    SET ended_at = greatest(instant(x."at"), t.started_at), outcome = x.outcome, error = x.error
    FROM accepted a,
        jsonb_to_recordset(a.body -> 'attempts') AS x(step text, number integer, worker text, "at" bigint, outcome text, error jsonb)
    WHERE x.worker IS NULL AND t.job = a.job AND t.step = x.step AND t.number = x.number AND t.outcome = 'running'
), changed_compensations AS (
    INSERT INTO compensations (job, step, generation, position, armed_at, host, state, kept, former, owes_own, early, undone_at, changed_in)
    SELECT a.job, x.step, r.generation, r."order", instant(r."armedAt"), r.host, r.state, r.kept, r.former, r."owesOwn", r.early, instant(x."undoneAt"),
        a.version
    FROM accepted a,
        jsonb_to_recordset(a.body -> 'compensations') AS x(step text, "undoneAt" bigint, armed jsonb),
        jsonb_to_record(x.armed) AS r(generation integer, "order" integer, "armedAt" bigint, host text, state jsonb, kept jsonb, former jsonb,
                                      "owesOwn" boolean, early boolean)
    ON CONFLICT (job, step, generation) DO UPDATE
    SET host = excluded.host, state = excluded.state, kept = excluded.kept, former = excluded.former, owes_own = excluded.owes_own,
        early = excluded.early, undone_at = excluded.undone_at, changed_in = excluded.changed_in
), released AS (
    DELETE FROM holds h USING accepted a
    WHERE h.job = a.job AND h.owner IN (SELECT jsonb_array_elements_text(a.body -> 'releases'))
), journalled AS (
    INSERT INTO events (tenant, job, step, kind, details, is_alarm, at)
    SELECT a.tenant, a.job, x.step, x.kind, x.details, x."isAlarm", instant(x."at")
    FROM accepted a,
        ROWS FROM (jsonb_to_recordset(a.body -> 'events') AS (step text, kind text, details jsonb, "isAlarm" boolean, "at" bigint)) WITH ORDINALITY
            AS x(step, kind, details, "isAlarm", "at", n)
    ORDER BY a.job, x.n
), proved AS (
    INSERT INTO proofs (tenant, repository, snapshot, level, is_good, details, job, step, recorded_at)
    SELECT a.tenant, r."repositoryID", r."snapshotID", r.level, r."isGood", r.details, a.job, x.step, now()
    FROM accepted a,
        jsonb_to_recordset(a.body -> 'proofs') AS x(step text, proof jsonb),
        jsonb_to_record(x.proof) AS r("repositoryID" text, "snapshotID" text, level text, "isGood" boolean, details jsonb)
), based AS (
    INSERT INTO bases (tenant, system, repository, base, snapshot_key, job, recorded_at)
    SELECT a.tenant, x ->> 'systemIdentity', x ->> 'repositoryID', x, x -> 'snapshot' ->> 'key', a.job, now()
    FROM accepted a, jsonb_array_elements(a.body -> 'bases') AS x
    ON CONFLICT (tenant, system, repository) DO UPDATE
    SET base = excluded.base, snapshot_key = excluded.snapshot_key, job = excluded.job, recorded_at = excluded.recorded_at
), unbased AS (
    DELETE FROM bases b USING accepted a, jsonb_array_elements(a.body -> 'released') AS x
    WHERE b.tenant = a.tenant AND b.system = x ->> 'systemIdentity' AND b.repository = x ->> 'repositoryID'
        AND b.snapshot_key = x -> 'snapshot' ->> 'key'
)
SELECT job, micros(clock_timestamp()) AS now FROM accepted

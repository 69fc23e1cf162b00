-- The engine's tables. docs/database.md explains them.
-- Times inside JSON are microseconds since 1970; columns are timestamptz. All of them are this server's clock.

CREATE FUNCTION instant(micros bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN timestamptz '1970-01-01 00:00:00+00' + micros * interval '1 microsecond';

CREATE FUNCTION micros(at timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (extract(epoch FROM at) * 1000000)::bigint;

-- Immutable: named by the SHA-256 of their canonical JSON.
CREATE TABLE plans (
    tenant     text NOT NULL,
    id         text NOT NULL CHECK (id ~ '^[0-9a-f]{64}$'),
    pipeline   text NOT NULL,
    document   jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, id)
);

-- One heartbeat row a worker.
CREATE TABLE workers (
    id          text PRIMARY KEY,
    host        text NOT NULL,
    process     integer NOT NULL,
    labels      jsonb NOT NULL DEFAULT '{}',
    state       text NOT NULL DEFAULT 'alive' CHECK (state IN ('alive', 'lost', 'retired')),
    lease_until timestamptz NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- Jobs that are not over, or not clean, or not yet moved to history.
CREATE TABLE jobs (
    tenant      text NOT NULL,
    id          uuid NOT NULL UNIQUE,
    plan        text NOT NULL,
    pipeline    text NOT NULL,
    origin      text NOT NULL CHECK (origin IN ('local', 'submitted')),
    -- The worker whose own process runs it; others take it up when that one is dead.
    owner       text,
    parameters  jsonb NOT NULL DEFAULT '{}',
    -- Grows with each transition; one writes only over the version that it read.
    version     bigint NOT NULL CHECK (version >= 0),
    created_at  timestamptz NOT NULL,
    deadline    timestamptz,
    stopping    text CHECK (stopping IN ('cancelled', 'deadline', 'timedOut', 'windowVoid')),
    stopped_by  text,
    outcome     text CHECK (outcome IN ('succeeded', 'partial', 'failed', 'cancelled')),
    cleanup     text NOT NULL CHECK (cleanup IN ('clean', 'pending', 'failed')),
    ended_at    timestamptz,
    round       integer NOT NULL CHECK (round >= 1),
    last_token  bigint NOT NULL CHECK (last_token >= 0),
    armed_count integer NOT NULL CHECK (armed_count >= 0),
    -- When time alone changes something.
    tick_at     timestamptz,
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, plan) REFERENCES plans (tenant, id),
    CONSTRAINT ended_has_outcome CHECK (ended_at IS NULL OR outcome IS NOT NULL),
    CONSTRAINT ended_is_clean CHECK (ended_at IS NULL OR cleanup = 'clean')
) WITH (fillfactor = 60);
CREATE INDEX jobs_due ON jobs (tick_at) WHERE tick_at IS NOT NULL;
CREATE INDEX jobs_ended ON jobs (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE windows (
    job         uuid NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    id          text NOT NULL,
    position    integer NOT NULL,
    planned     jsonb NOT NULL,
    phase       text NOT NULL CHECK (phase IN ('idle', 'open', 'sealed', 'discarding', 'broken')),
    worker      text,
    hold_until  timestamptz,
    hold_passed boolean NOT NULL,
    failures    integer NOT NULL CHECK (failures >= 0),
    retry_at    timestamptz,
    PRIMARY KEY (job, id)
) WITH (fillfactor = 60);
CREATE INDEX windows_by_worker ON windows (worker) WHERE worker IS NOT NULL;

-- What no event changes of a step: kept apart, so that the hot rows stay narrow.
CREATE TABLE step_plans (
    job      uuid NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    id       text NOT NULL,
    position integer NOT NULL,
    planned  jsonb NOT NULL,
    PRIMARY KEY (job, id),
    UNIQUE (job, position)
);

CREATE TABLE steps (
    job          uuid NOT NULL,
    id           text NOT NULL,
    state        text NOT NULL
                 CHECK (state IN ('pending', 'ready', 'running', 'waiting', 'succeeded', 'failed', 'skipped', 'cancelled')),
    skip_reason  text CHECK (skip_reason IN ('condition', 'upstream', 'upstreamTolerated', 'neverArmed', 'keptAsBase')),
    not_before   timestamptz,
    token        bigint NOT NULL CHECK (token >= 0),
    worker       text,
    bound_worker text,
    bound_host   text,
    attempts     integer NOT NULL CHECK (attempts >= 0),
    failures     integer NOT NULL CHECK (failures >= 0),
    started_at   timestamptz,
    ended_at     timestamptz,
    deadline     timestamptz,
    stop         text CHECK (stop IN ('cancelled', 'deadline', 'timedOut', 'windowVoid')),
    outputs      jsonb NOT NULL DEFAULT '{}',
    missed       jsonb NOT NULL DEFAULT '[]',
    error        jsonb,
    signal       jsonb,
    members      jsonb,
    generation   integer NOT NULL CHECK (generation >= 0),
    -- For claiming.
    class        smallint NOT NULL CHECK (class BETWEEN 0 AND 5),
    priority     integer NOT NULL,
    labels       text[] NOT NULL DEFAULT '{}',
    -- [{resource, mode, capacity}]
    wants        jsonb NOT NULL DEFAULT '[]',
    ready_at     timestamptz,
    -- Age and priority in one: ready_at less ten minutes for each point of priority, in microseconds. So an old step overtakes.
    rank         bigint,
    PRIMARY KEY (job, id),
    FOREIGN KEY (job, id) REFERENCES step_plans (job, id) ON DELETE CASCADE,
    CONSTRAINT running_has_worker CHECK ((state = 'running') = (worker IS NOT NULL)),
    CONSTRAINT running_has_token CHECK (state <> 'running' OR (token > 0 AND attempts > 0 AND started_at IS NOT NULL)),
    CONSTRAINT ended_has_time CHECK ((state IN ('succeeded', 'failed', 'skipped', 'cancelled')) = (ended_at IS NOT NULL)),
    CONSTRAINT ready_has_rank CHECK (state <> 'ready' OR (ready_at IS NOT NULL AND rank IS NOT NULL)),
    CONSTRAINT skipped_has_reason CHECK (state <> 'skipped' OR skip_reason IS NOT NULL),
    CONSTRAINT stop_while_running CHECK (stop IS NULL OR state = 'running')
) WITH (fillfactor = 50);
CREATE INDEX steps_ready ON steps (class, rank) WHERE state = 'ready';
CREATE INDEX steps_delayed ON steps (not_before) WHERE state = 'ready' AND not_before IS NOT NULL;
CREATE INDEX steps_by_worker ON steps (worker) WHERE worker IS NOT NULL;

-- Every try leaves a row.
CREATE TABLE attempts (
    job        uuid NOT NULL,
    step       text NOT NULL,
    number     integer NOT NULL CHECK (number >= 1),
    token      bigint NOT NULL CHECK (token >= 1),
    worker     text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at   timestamptz,
    outcome    text NOT NULL CHECK (outcome IN ('running', 'succeeded', 'failed', 'cancelled', 'timedOut', 'lost')),
    error      jsonb,
    PRIMARY KEY (job, step, number),
    UNIQUE (job, token),
    FOREIGN KEY (job, step) REFERENCES steps (job, id) ON DELETE CASCADE,
    CONSTRAINT closed_has_time CHECK ((outcome = 'running') = (ended_at IS NULL))
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX attempts_one_running ON attempts (job, step) WHERE outcome = 'running';

-- What is owed to the outside: a row from before the acquiring call until after its undo.
CREATE TABLE compensations (
    job           uuid NOT NULL,
    step          text NOT NULL,
    generation    integer NOT NULL CHECK (generation >= 1),
    position      integer NOT NULL CHECK (position >= 1),
    armed_at      timestamptz NOT NULL,
    host          text,
    state         jsonb NOT NULL,
    -- The shape of `state` and of the columns after it.
    state_version integer NOT NULL DEFAULT 1,
    kept          jsonb NOT NULL DEFAULT '[]',
    former        jsonb NOT NULL DEFAULT '[]',
    owes_own      boolean NOT NULL,
    early         boolean NOT NULL,
    undone_at     timestamptz,
    PRIMARY KEY (job, step, generation),
    -- No cascade: what is owed keeps its job.
    FOREIGN KEY (job, step) REFERENCES steps (job, id)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX compensations_one_armed ON compensations (job, step) WHERE undone_at IS NULL;
CREATE INDEX compensations_armed ON compensations (armed_at) WHERE undone_at IS NULL;

CREATE SEQUENCE hold_slots AS integer MINVALUE 0 MAXVALUE 2147483646 CYCLE;

-- Named resources that are held. Exclusive holders cover every slot, shared holders a slot of their own, counted holders one of
-- `capacity` slots; the constraint refuses an overlap. `place` is a hash of the name, because ranges need no extension.
CREATE TABLE holds (
    tenant   text NOT NULL,
    resource text NOT NULL,
    mode     text NOT NULL CHECK (mode IN ('shared', 'exclusive', 'counted')),
    slots    int4range NOT NULL,
    job      uuid NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    -- `step:ID` or `window:ID`
    owner    text NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT now(),
    place    int8range NOT NULL GENERATED ALWAYS AS
             (int8range(hashtextextended(tenant || '/' || resource, 0) / 2, hashtextextended(tenant || '/' || resource, 0) / 2, '[]')) STORED,
    CONSTRAINT exclusive_covers_all CHECK ((mode = 'exclusive') = (lower_inf(slots) AND upper_inf(slots))),
    CONSTRAINT one_holder EXCLUDE USING gist (place WITH &&, slots WITH &&)
);
CREATE INDEX holds_by_owner ON holds (job, owner);
CREATE INDEX holds_by_resource ON holds (tenant, resource);

-- Cheap: written without waiting for the disk.
CREATE TABLE checkpoints (
    job      uuid NOT NULL,
    step     text NOT NULL,
    token    bigint NOT NULL,
    state    jsonb NOT NULL,
    saved_at timestamptz NOT NULL,
    PRIMARY KEY (job, step),
    FOREIGN KEY (job, step) REFERENCES steps (job, id) ON DELETE CASCADE
) WITH (fillfactor = 50);

CREATE TABLE progress (
    job      uuid NOT NULL,
    step     text NOT NULL,
    token    bigint NOT NULL,
    state    jsonb NOT NULL,
    saved_at timestamptz NOT NULL,
    PRIMARY KEY (job, step),
    FOREIGN KEY (job, step) REFERENCES steps (job, id) ON DELETE CASCADE
) WITH (fillfactor = 50);

-- Append-only. They outlive the hot rows of their job and go with its history.
CREATE TABLE events (
    id       bigserial PRIMARY KEY,
    tenant   text NOT NULL,
    job      uuid NOT NULL,
    step     text,
    kind     text NOT NULL,
    details  jsonb NOT NULL,
    is_alarm boolean NOT NULL,
    at       timestamptz NOT NULL
);
CREATE INDEX events_by_job ON events (job, id);

CREATE TABLE logs (
    id      bigserial PRIMARY KEY,
    job     uuid NOT NULL,
    step    text NOT NULL,
    attempt integer NOT NULL,
    level   text NOT NULL CHECK (level IN ('debug', 'info', 'warning', 'error')),
    message text NOT NULL,
    at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX logs_by_job ON logs (job, id);

CREATE TABLE bases (
    tenant        text NOT NULL,
    system        text NOT NULL,
    repository    text NOT NULL,
    base          jsonb NOT NULL,
    snapshot_key  text NOT NULL,
    job           uuid NOT NULL,
    recorded_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant, system, repository)
);

CREATE TABLE proofs (
    id          bigserial PRIMARY KEY,
    tenant      text NOT NULL,
    repository  text NOT NULL,
    snapshot    text NOT NULL,
    level       text NOT NULL CHECK (level IN ('metadata', 'sample', 'all', 'restore')),
    is_good     boolean NOT NULL,
    details     jsonb NOT NULL,
    job         uuid NOT NULL,
    step        text NOT NULL,
    recorded_at timestamptz NOT NULL
);
CREATE INDEX proofs_by_snapshot ON proofs (tenant, repository, snapshot);

-- Jobs that are over and clean: the same facts in one row, out of the way of claiming.
CREATE TABLE history (
    tenant     text NOT NULL,
    id         uuid NOT NULL UNIQUE,
    plan       text NOT NULL,
    pipeline   text NOT NULL,
    origin     text NOT NULL,
    parameters jsonb NOT NULL,
    outcome    text NOT NULL CHECK (outcome IN ('succeeded', 'partial', 'failed', 'cancelled')),
    owner      text,
    created_at timestamptz NOT NULL,
    ended_at   timestamptz NOT NULL,
    steps      integer NOT NULL,
    -- JobRun, its attempts, and its undone compensations.
    run        jsonb NOT NULL,
    attempts   jsonb NOT NULL,
    undone     jsonb NOT NULL,
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, plan) REFERENCES plans (tenant, id)
);
CREATE INDEX history_ended ON history (ended_at);

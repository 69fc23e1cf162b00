-- Of each pipeline the oldest and the newest jobs, without a look at the rest of the history.
CREATE INDEX history_by_pipeline ON history (tenant, pipeline, ended_at, id);

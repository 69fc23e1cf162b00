DROP INDEX history_by_pipeline;

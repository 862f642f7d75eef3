-- Virtual time of the pool when a run arrived: a tenant that waits for its own cap keeps its claim, one that was idle earns none.
ALTER TABLE queue_jobs ADD COLUMN arrived bigint NOT NULL DEFAULT 0;

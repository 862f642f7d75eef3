-- Parts of a run that go through the queue on their own: whose part a run is; how often a run was queued again, and as which workflow.
ALTER TABLE queue_jobs ADD COLUMN parent text NOT NULL DEFAULT '';
ALTER TABLE queue_jobs ADD COLUMN phase int NOT NULL DEFAULT 0;
ALTER TABLE queue_jobs ADD COLUMN workflow text NOT NULL DEFAULT '';
CREATE INDEX queue_jobs_parent ON queue_jobs (parent) WHERE parent <> '';

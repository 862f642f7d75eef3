-- Runs that are done together: who may still join (batch, until a little after `at`, seconds since the epoch), and whom a run joined.
ALTER TABLE queue_jobs ADD COLUMN batch text NOT NULL DEFAULT '';
ALTER TABLE queue_jobs ADD COLUMN leader text NOT NULL DEFAULT '';
ALTER TABLE queue_jobs ADD COLUMN at double precision NOT NULL DEFAULT 0;
CREATE INDEX queue_jobs_batch ON queue_jobs (pool, tenant_id, batch) WHERE batch <> '';
CREATE INDEX queue_jobs_leader ON queue_jobs (leader) WHERE leader <> '';

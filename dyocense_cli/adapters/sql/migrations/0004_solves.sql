-- How many solves of a run began: a worker's death breaks one off, and at most one more is begun.
ALTER TABLE kernel_runs ADD COLUMN solves int NOT NULL DEFAULT 0;

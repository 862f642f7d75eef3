-- Tables of the service, for SQLite and Postgres. Every table with a tenant's data carries tenant_id; see 0002 for row-level security.

-- Runs: what was asked, where it stands, what came out.
CREATE TABLE kernel_runs (
  run_id text PRIMARY KEY,
  tenant_id text NOT NULL,
  tier text NOT NULL,
  idem_key text NOT NULL,
  seed int,
  started_at timestamptz DEFAULT CURRENT_TIMESTAMP,
  status text,
  optimodel_sha text,
  plan_dna text,
  kind text NOT NULL DEFAULT 'plan',
  goal_id text NOT NULL DEFAULT '',
  variant text NOT NULL DEFAULT '',
  work_sha text NOT NULL DEFAULT '',
  payload text NOT NULL DEFAULT '{}',
  result text NOT NULL DEFAULT '',
  problem text NOT NULL DEFAULT '',
  reason text NOT NULL DEFAULT '',
  estimate_s double precision NOT NULL DEFAULT 0,
  solver_s double precision NOT NULL DEFAULT 0,
  variables int NOT NULL DEFAULT 0,
  constraints int NOT NULL DEFAULT 0,
  scenarios int NOT NULL DEFAULT 0,
  cancel int NOT NULL DEFAULT 0,
  attempts int NOT NULL DEFAULT 0,
  trace text NOT NULL DEFAULT '',
  created_at text NOT NULL DEFAULT '',
  began_at text NOT NULL DEFAULT '',
  finished_at text NOT NULL DEFAULT ''
);
CREATE INDEX kernel_runs_newest ON kernel_runs (tenant_id, run_id DESC);
CREATE INDEX kernel_runs_work ON kernel_runs (tenant_id, work_sha);

-- What happened to a run, in order; server-sent events read it.
CREATE TABLE run_events (
  tenant_id text NOT NULL,
  run_id text NOT NULL,
  seq int NOT NULL,
  at text NOT NULL,
  what text NOT NULL,
  data text NOT NULL DEFAULT '{}',
  PRIMARY KEY (run_id, seq)
);

-- Scenario sets by content hash.
CREATE TABLE forecast_cache (
  tenant_id text,
  sku text,
  horizon int,
  model_cfg jsonb,
  scenarios jsonb,
  stats jsonb,
  hash text,
  created_at timestamptz DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (tenant_id, sku, horizon, hash)
);

-- Budgets of a month: reserved by runs in flight, used by finished ones. warned: 0 no, 1 to be told, 2 told.
CREATE TABLE budget_usage (
  tenant_id text NOT NULL,
  month text NOT NULL,
  budget text NOT NULL,
  reserved double precision NOT NULL DEFAULT 0,
  used double precision NOT NULL DEFAULT 0,
  warned int NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant_id, month, budget)
);

-- One reservation per run and budget: held, then settled or refunded, once.
CREATE TABLE budget_reservations (
  tenant_id text NOT NULL,
  run_id text NOT NULL,
  budget text NOT NULL,
  month text NOT NULL,
  amount double precision NOT NULL,
  used double precision NOT NULL DEFAULT 0,
  state text NOT NULL DEFAULT 'held',
  PRIMARY KEY (tenant_id, run_id, budget)
);

-- First answers by idempotency key; an empty answer is still being made.
CREATE TABLE idempotency_keys (
  tenant_id text NOT NULL,
  idem_key text NOT NULL,
  body_sha text NOT NULL,
  answer text NOT NULL DEFAULT '',
  expires double precision NOT NULL,
  PRIMARY KEY (tenant_id, idem_key)
);

-- Where a tenant wants to be told.
CREATE TABLE webhooks (
  tenant_id text NOT NULL,
  webhook_id text NOT NULL,
  url text NOT NULL,
  secret text NOT NULL,
  created_at text NOT NULL,
  PRIMARY KEY (tenant_id, webhook_id)
);

-- Bodies that must leave the house: notifications, evidence. Which are due stands in outbox_due.
CREATE TABLE outbox (
  tenant_id text NOT NULL,
  item_id text NOT NULL,
  kind text NOT NULL,
  target text NOT NULL DEFAULT '',
  body text NOT NULL,
  PRIMARY KEY (tenant_id, item_id)
);

-- Ids, tenants and times only: read across tenants by the deliverer.
CREATE TABLE outbox_due (
  item_id text PRIMARY KEY,
  tenant_id text NOT NULL,
  kind text NOT NULL,
  due double precision NOT NULL,
  queued double precision NOT NULL,
  attempts int NOT NULL DEFAULT 0
);
CREATE INDEX outbox_due_next ON outbox_due (due);

-- The fair queue: ids, tenants, weights and tags; no payload, read across tenants by workers.
CREATE TABLE queue_pools (
  pool text PRIMARY KEY,
  virtual_time bigint NOT NULL DEFAULT 0
);
CREATE TABLE queue_tenants (
  pool text NOT NULL,
  tenant_id text NOT NULL,
  weight double precision NOT NULL,
  cap int NOT NULL,
  last_finish bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (pool, tenant_id)
);
CREATE TABLE queue_jobs (
  run_id text PRIMARY KEY,
  pool text NOT NULL,
  tenant_id text NOT NULL,
  kind text NOT NULL DEFAULT 'plan',
  cost_s double precision NOT NULL,
  seq bigint NOT NULL,
  start_tag bigint,
  finish_tag bigint,
  state text NOT NULL DEFAULT 'parked'
);
CREATE INDEX queue_jobs_waiting ON queue_jobs (pool, state, tenant_id, seq);
CREATE INDEX queue_jobs_order ON queue_jobs (pool, state, finish_tag);
CREATE TABLE queue_workers (
  executor text PRIMARY KEY,
  pools text NOT NULL DEFAULT '',
  slots int NOT NULL DEFAULT 1,
  beat double precision NOT NULL,
  draining int NOT NULL DEFAULT 0
);

-- What an operator's dashboards show of finished runs: figures, no contents; read across tenants by /metrics.
CREATE TABLE run_metrics (
  run_id text PRIMARY KEY,
  seq double precision NOT NULL,
  tenant_id text NOT NULL,
  tier text NOT NULL,
  goal_id text NOT NULL DEFAULT '',
  kind text NOT NULL,
  status text NOT NULL,
  figures text NOT NULL DEFAULT '{}'
);
CREATE INDEX run_metrics_new ON run_metrics (seq);

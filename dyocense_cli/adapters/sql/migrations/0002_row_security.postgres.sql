-- Row-level security on every table with a tenant's data, forced on the owner too (superusers and BYPASSRLS still skip it).
-- current_setting(…, true) is NULL when it was never set and '' after a transaction-local setting ended: nullif makes both mean no rows.
DO $do$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['kernel_runs', 'run_events', 'forecast_cache', 'budget_usage', 'budget_reservations', 'idempotency_keys', 'webhooks', 'outbox'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY tenant ON %I USING (tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')) WITH CHECK (tenant_id = nullif(current_setting(''app.tenant_id'', true), ''''))', name);
  END LOOP;
END
$do$;

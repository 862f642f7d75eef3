-- A secret that was replaced still signs, beside the new one, until previous_until (seconds since the epoch).
ALTER TABLE webhooks ADD COLUMN previous text NOT NULL DEFAULT '';
ALTER TABLE webhooks ADD COLUMN previous_until double precision NOT NULL DEFAULT 0;

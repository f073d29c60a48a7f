-- Return to source: what was refused goes back to its department as an order with a clock.
CREATE TABLE hub.correction_order (
  order_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source_id smallint NOT NULL REFERENCES hub.source,
  batch_id int NOT NULL REFERENCES hub.batch,
  delivery text NOT NULL,
  opened_on date NOT NULL,
  due_on date NOT NULL CHECK (due_on >= opened_on),
  provisional boolean NOT NULL,
  rule_id text NOT NULL,
  legal_basis text NOT NULL,
  reminded_pct smallint NOT NULL DEFAULT 0,
  UNIQUE (source_id, batch_id)
);

-- `corrected` and `withdrawn` came from the source; `resubmitted` was mended here, `upheld` is the rule's fault.
ALTER TABLE hub.quarantine DROP CONSTRAINT quarantine_resolution_check;
ALTER TABLE hub.quarantine ADD CONSTRAINT quarantine_resolution_check
  CHECK (resolution IN ('corrected', 'withdrawn', 'resubmitted', 'upheld'));
ALTER TABLE hub.quarantine ADD COLUMN order_id bigint REFERENCES hub.correction_order;
ALTER TABLE hub.quarantine ADD COLUMN corrected_key text;
CREATE INDEX quarantine_order ON hub.quarantine (order_id);

-- All that departments did about a refused row, and what came of it. Never changed, only added to.
CREATE TABLE hub.correction_event (
  event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  quarantine_id bigint NOT NULL REFERENCES hub.quarantine,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('resubmitted', 'bounced', 'contested', 'upheld', 'rejected')),
  reason text NOT NULL CHECK (reason <> ''),
  evidence text,
  batch_id int REFERENCES hub.batch,
  detail jsonb
);
CREATE INDEX correction_event_row ON hub.correction_event (quarantine_id, event_id);

-- Whoever contests does not decide.
CREATE TABLE hub.correction_contest (
  quarantine_id bigint PRIMARY KEY REFERENCES hub.quarantine,
  raised_by text NOT NULL,
  raised_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  reason text NOT NULL CHECK (reason <> ''),
  evidence text,
  decided_by text,
  decided_at timestamptz,
  verdict text CHECK (verdict IN ('upheld', 'rejected')),
  CHECK (decided_by IS DISTINCT FROM raised_by),
  CHECK ((verdict IS NULL) = (decided_by IS NULL))
);

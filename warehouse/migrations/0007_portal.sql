-- The front door: accounts, sessions, requests for access, the audit chain, notices; and what enforces them in here.

-- An account is never deleted: the audit names it. `department` NULL means the whole county.
CREATE TABLE hub.account (
  account_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL UNIQUE CHECK (name ~ '^[a-z][a-z0-9_]{1,30}$'),
  person text NOT NULL CHECK (person <> ''),
  role text NOT NULL CHECK (role IN ('leader', 'clerk', 'analyst', 'engineer', 'sysadmin', 'secadmin', 'auditor')),
  department text,
  dept_code varchar(18),
  password_hash text,
  must_change boolean NOT NULL DEFAULT true,
  totp_secret text,
  totp_step bigint,
  oidc_subject text UNIQUE,
  failures smallint NOT NULL DEFAULT 0,
  locked_until timestamptz,
  db_role text UNIQUE,
  db_generation int NOT NULL DEFAULT 1,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  approved_by text,
  approved_at timestamptz,
  disabled_at timestamptz,
  CHECK (role <> 'clerk' OR department IS NOT NULL),
  CHECK ((department IS NULL) = (dept_code IS NULL)),
  CHECK (role NOT IN ('sysadmin', 'secadmin', 'auditor') OR (department IS NULL AND db_role IS NULL)),
  CHECK (approved_by IS DISTINCT FROM created_by OR right(created_by, 8) = '@console')
);

CREATE TABLE hub.session (
  token_hash bytea PRIMARY KEY,
  account_id int NOT NULL REFERENCES hub.account,
  csrf text NOT NULL,
  stage text NOT NULL CHECK (stage IN ('totp', 'enrol', 'password', 'full')),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  address text NOT NULL
);
CREATE INDEX session_account ON hub.session (account_id);

-- A request for a dataset; approved, it is the grant. Whoever asks does not decide.
CREATE TABLE hub.access_request (
  request_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_id int NOT NULL REFERENCES hub.account,
  dataset text NOT NULL,
  unmask boolean NOT NULL DEFAULT false,
  purpose text NOT NULL CHECK (purpose <> ''),
  until date NOT NULL,
  requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  decided_by int REFERENCES hub.account,
  decided_at timestamptz,
  approved boolean,
  answer text,
  CHECK (decided_by IS DISTINCT FROM account_id),
  CHECK ((approved IS NULL) = (decided_by IS NULL))
);
CREATE INDEX access_request_account ON hub.access_request (account_id, dataset);

CREATE TABLE hub.api_token (
  token_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_id int NOT NULL REFERENCES hub.account,
  title text NOT NULL,
  token_hash bytea NOT NULL UNIQUE,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz NOT NULL,
  used_at timestamptz,
  revoked_at timestamptz
);

CREATE TABLE hub.query_history (
  query_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_id int NOT NULL REFERENCES hub.account,
  sql text NOT NULL,
  parameters jsonb NOT NULL DEFAULT '{}',
  asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  seconds numeric(9,3) NOT NULL,
  row_count bigint,
  error text
);
CREATE INDEX query_history_account ON hub.query_history (account_id, query_id DESC);

CREATE TABLE hub.briefing (
  briefing_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  title text NOT NULL,
  as_of date NOT NULL,
  sections text[] NOT NULL,
  content jsonb NOT NULL,
  made_by int NOT NULL REFERENCES hub.account,
  made_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- One message a cause and a receiver; `sent_at` NULL waits, `attempts` counts tries.
CREATE TABLE hub.notice (
  notice_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  cause text NOT NULL,
  department text,
  title text NOT NULL,
  link text NOT NULL,
  channel text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  next_try_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  attempts smallint NOT NULL DEFAULT 0,
  sent_at timestamptz,
  last_error text,
  UNIQUE (cause, channel)
);

-- Each entry is hashed together with the hash before it: an entry changed, left out or put in breaks the chain.
CREATE TABLE hub.audit (
  audit_id bigint PRIMARY KEY,
  entry text NOT NULL,
  hash bytea NOT NULL,
  at timestamptz NOT NULL,
  actor text NOT NULL GENERATED ALWAYS AS (entry::jsonb ->> 'actor') STORED,
  action text NOT NULL GENERATED ALWAYS AS (entry::jsonb ->> 'action') STORED
);
CREATE INDEX audit_actor ON hub.audit (actor, audit_id);
CREATE INDEX audit_action ON hub.audit (action, audit_id);
CREATE FUNCTION hub.audit_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'hub.audit is append-only';
END $$;
CREATE TRIGGER audit_final BEFORE UPDATE OR DELETE OR TRUNCATE ON hub.audit EXECUTE FUNCTION hub.audit_is_final();

-- Who asks: the login role, or the one the portal has set for a page of its own.
CREATE FUNCTION hub.me() RETURNS hub.account LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT a FROM hub.account a WHERE a.disabled_at IS NULL AND a.approved_by IS NOT NULL
    AND a.db_role = CASE current_setting('role') WHEN 'none' THEN session_user::text ELSE current_setting('role') END
$$;
CREATE FUNCTION hub.sees_boards() RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT coalesce((hub.me()).role IN ('leader', 'clerk', 'analyst', 'engineer'), false)
$$;
CREATE FUNCTION hub.whole_county() RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT coalesce((SELECT m.account_id IS NOT NULL AND m.department IS NULL AND m.role IN ('leader', 'analyst', 'engineer') FROM hub.me() m), false)
$$;
CREATE FUNCTION hub.my_dept_code() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT (hub.me()).dept_code::text
$$;
-- Every row of a dataset: by scope, or by an approved request that still runs.
CREATE FUNCTION hub.sees(wanted text) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT hub.whole_county() OR EXISTS (SELECT FROM hub.access_request r WHERE r.account_id = (hub.me()).account_id
    AND r.dataset = wanted AND r.approved AND r.until >= current_date)
$$;
-- Who complained is for the hotline office alone: no request opens it to the unit complained of.
CREATE FUNCTION hub.unmasks(wanted text) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT EXISTS (SELECT FROM hub.access_request r WHERE r.account_id = (hub.me()).account_id
    AND r.dataset = wanted AND r.unmask AND r.approved AND r.until >= current_date)
    AND (NOT starts_with(wanted, 'hotline') OR coalesce((hub.me()).department, 'hotline_office') = 'hotline_office')
$$;
-- Masks of the masked views. First and last character of a text, the rest stars; what is short is hidden whole.
CREATE FUNCTION hub.mask(raw text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN length(raw) >= 6 THEN left(raw, 2) || repeat('*', length(raw) - 4) || right(raw, 2)
    WHEN length(raw) >= 3 THEN left(raw, 1) || repeat('*', length(raw) - 1) WHEN raw IS NOT NULL THEN repeat('*', length(raw)) END
$$;

-- Put the department rule on a board's table and let readers read it. Called whenever such a table is made.
CREATE FUNCTION hub.guard(target regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  owner_column text;
  reader text := current_database() || '_reader';
BEGIN
  SELECT attname INTO owner_column FROM pg_attribute WHERE attrelid = target AND attnum > 0 AND NOT attisdropped
    AND attname IN ('main_dept_code', 'lead_dept_code', 'provider_dept_code', 'dept_code', 'owner_dept_code', 'department_code')
    ORDER BY attnum LIMIT 1;
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
  EXECUTE format('DROP POLICY IF EXISTS by_department ON %s', target);
  EXECUTE format('CREATE POLICY by_department ON %s FOR SELECT USING (%s)', target,
    CASE WHEN owner_column IS NULL THEN '(SELECT hub.sees_boards())'
    ELSE format('(SELECT hub.sees_boards()) AND ((SELECT hub.whole_county()) OR %I::text = (SELECT hub.my_dept_code()))', owner_column) END);
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = reader) THEN
    EXECUTE format('GRANT SELECT ON %s TO %I', target, reader);
  END IF;
END $$;

-- What analysts query: the shared datasets behind masks and row rules (warehouse.access makes the views).
CREATE SCHEMA masked;
CREATE TABLE hub.masked_view (relation text PRIMARY KEY, fingerprint text NOT NULL);

-- Messages: what happened (notice), in whose inbox it is (notice_receipt), which channel has still to carry it (outbox).
DROP TABLE hub.notice;
ALTER TABLE hub.account ADD COLUMN email text CHECK (email ~ '^[^@[:space:]<>,;]+@[^@[:space:]<>,;]+$');
ALTER TABLE hub.account ADD COLUMN mail_when text NOT NULL DEFAULT 'all' CHECK (mail_when IN ('all', 'urgent', 'never'));

-- How many visits in a row a source has failed.
ALTER TABLE hub.source_layout ADD COLUMN failures int NOT NULL DEFAULT 0;

-- One message a cause. `account_id`: for this person alone; else for the people its kind names, in `department` or county-wide.
CREATE TABLE hub.notice (
  notice_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  cause text NOT NULL UNIQUE,
  kind text NOT NULL,
  department text,
  account_id int REFERENCES hub.account,
  title text NOT NULL CHECK (title <> ''),
  link text NOT NULL CHECK (starts_with(link, '/')),
  urgent boolean NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE hub.notice_receipt (
  account_id int NOT NULL REFERENCES hub.account,
  notice_id bigint NOT NULL REFERENCES hub.notice,
  read_at timestamptz,
  PRIMARY KEY (account_id, notice_id)
);
CREATE INDEX notice_receipt_unread ON hub.notice_receipt (account_id) WHERE read_at IS NULL;

-- A way out of the hub. `address` and `secret` may refer to the environment as ${HUB_SECRET_…}; `department` NULL is the whole
-- county, `kinds` NULL every kind. Between quiet_from and quiet_until nothing goes out.
CREATE TABLE hub.notice_channel (
  channel_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL UNIQUE CHECK (name <> ''),
  kind text NOT NULL CHECK (kind IN ('mail', 'wecom', 'dingtalk', 'webhook')),
  address text NOT NULL CHECK (address <> ''),
  secret text,
  department text,
  kinds text[],
  urgent_only boolean NOT NULL DEFAULT false,
  quiet_from time,
  quiet_until time,
  enabled boolean NOT NULL DEFAULT true,
  made_by text NOT NULL,
  made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK ((quiet_from IS NULL) = (quiet_until IS NULL))
);

-- A message on its way through one channel; `receiver` is the mail address, '' for a group's channel.
CREATE TABLE hub.outbox (
  outbox_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  notice_id bigint NOT NULL REFERENCES hub.notice,
  channel_id int NOT NULL REFERENCES hub.notice_channel ON DELETE CASCADE,
  receiver text NOT NULL DEFAULT '',
  due_at timestamptz NOT NULL,
  attempts smallint NOT NULL DEFAULT 0,
  sent_at timestamptz,
  given_up_at timestamptz,
  UNIQUE (notice_id, channel_id, receiver)
);
CREATE INDEX outbox_waiting ON hub.outbox (due_at) WHERE sent_at IS NULL AND given_up_at IS NULL;

-- Every attempt to deliver, only ever added to.
CREATE TABLE hub.notice_delivery (
  delivery_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  channel text NOT NULL,
  receiver text NOT NULL,
  notices int NOT NULL,
  ok boolean NOT NULL,
  told text NOT NULL,
  seconds numeric(8,3) NOT NULL
);

-- The first moment from `at` on outside the quiet hours, which may span midnight; the county's clock.
CREATE FUNCTION hub.after_quiet(at timestamptz, quiet_from time, quiet_until time) RETURNS timestamptz LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN quiet_from IS NULL OR quiet_from = quiet_until THEN at
    WHEN quiet_from < quiet_until AND l::time >= quiet_from AND l::time < quiet_until THEN (l::date + quiet_until) AT TIME ZONE 'Asia/Shanghai'
    WHEN quiet_from > quiet_until AND l::time >= quiet_from THEN (l::date + 1 + quiet_until) AT TIME ZONE 'Asia/Shanghai'
    WHEN quiet_from > quiet_until AND l::time < quiet_until THEN (l::date + quiet_until) AT TIME ZONE 'Asia/Shanghai'
    ELSE at END
  FROM (SELECT at AT TIME ZONE 'Asia/Shanghai' AS l) x
$$;

-- Who complained: for the hotline office and for whoever stands above all departments, never for the unit complained of.
CREATE FUNCTION hub.sees_callers() RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT coalesce((SELECT coalesce(m.department, 'hotline_office') = 'hotline_office' FROM hub.me() m WHERE m.account_id IS NOT NULL), false)
$$;
CREATE OR REPLACE FUNCTION hub.unmasks(wanted text) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT EXISTS (SELECT FROM hub.access_request r WHERE r.account_id = (hub.me()).account_id
    AND r.dataset = wanted AND r.unmask AND r.approved AND r.until >= current_date)
    AND (NOT starts_with(wanted, 'hotline') OR hub.sees_callers())
$$;

-- The department rule of a board's table, as before; a hotline table that names who complained is for the hotline office alone.
CREATE OR REPLACE FUNCTION hub.guard(target regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  owner_column text;
  names_callers boolean;
  reader text := current_database() || '_reader';
BEGIN
  SELECT attname INTO owner_column FROM pg_attribute WHERE attrelid = target AND attnum > 0 AND NOT attisdropped
    AND attname IN ('main_dept_code', 'lead_dept_code', 'provider_dept_code', 'dept_code', 'owner_dept_code', 'department_code')
    ORDER BY attnum LIMIT 1;
  SELECT starts_with(c.relname, 'hotline') AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = target AND NOT a.attisdropped
    AND (a.attname IN ('enterprise', 'enterprise_id', 'enterprise_name', 'enterprise_code', 'uscc', 'event_address', 'content')
      OR starts_with(a.attname, 'caller_'))) INTO names_callers FROM pg_class c WHERE c.oid = target;
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
  EXECUTE format('DROP POLICY IF EXISTS by_department ON %s', target);
  EXECUTE format('CREATE POLICY by_department ON %s FOR SELECT USING (%s)', target,
    CASE WHEN names_callers THEN '(SELECT hub.sees_boards()) AND (SELECT hub.sees_callers())'
    WHEN owner_column IS NULL THEN '(SELECT hub.sees_boards())'
    ELSE format('(SELECT hub.sees_boards()) AND ((SELECT hub.whole_county()) OR %I::text = (SELECT hub.my_dept_code()))', owner_column) END);
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = reader) THEN
    EXECUTE format('GRANT SELECT ON %s TO %I', target, reader);
  END IF;
END $$;
DO $$ BEGIN
  PERFORM hub.guard(c.oid) FROM pg_class c WHERE c.relnamespace = 'board'::regnamespace AND c.relkind = 'r';
END $$;

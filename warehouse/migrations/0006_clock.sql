-- Days the county sets itself, over what the State Council announced. `announced` years need no guess any more.
CREATE TABLE hub.calendar_override (
  day date PRIMARY KEY,
  is_workday boolean NOT NULL,
  kind text CHECK (kind IN ('weekday', 'weekend', 'holiday', 'makeup')),
  source text NOT NULL,
  set_by text NOT NULL,
  set_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE hub.calendar_announced (
  year int PRIMARY KEY CHECK (year BETWEEN 1949 AND 2200),
  source text NOT NULL,
  set_by text NOT NULL,
  set_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- All that was set and taken back, in order. Never changed, only added to.
CREATE TABLE hub.calendar_event (
  event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor text NOT NULL,
  action text NOT NULL CHECK (action IN ('set', 'unset', 'announce')),
  day date,
  year int,
  is_workday boolean,
  source text
);

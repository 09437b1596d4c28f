-- The ledger: meters (the projection), calls (holds and answers), usage (the record), events.
-- No foreign keys on the hot tables: a check per row costs more than the row. An organization is known to
-- exist because its own meter row does, which is made with it and locked by every call.

-- One row knows a subject's usage and holds in every window at once. Starts are milliseconds since 1970
-- (UTC); costs are nano-USD. `family` tags derived meters (members, labels, targets), which exist only while
-- a limit names them; `filled` is false from a derived row's birth until it is filled from the ledger.
CREATE TABLE meter (
  org_id text COLLATE "C" NOT NULL,
  meter_id text COLLATE "C" NOT NULL,
  family text NOT NULL DEFAULT '',
  filled boolean NOT NULL DEFAULT true,
  in_flight bigint NOT NULL DEFAULT 0,
  ten_seconds_start bigint NOT NULL DEFAULT 0,
  ten_seconds_used_cost bigint NOT NULL DEFAULT 0, ten_seconds_used_input bigint NOT NULL DEFAULT 0,
  ten_seconds_used_output bigint NOT NULL DEFAULT 0, ten_seconds_used_requests bigint NOT NULL DEFAULT 0,
  ten_seconds_held_cost bigint NOT NULL DEFAULT 0, ten_seconds_held_input bigint NOT NULL DEFAULT 0,
  ten_seconds_held_output bigint NOT NULL DEFAULT 0,
  minute_start bigint NOT NULL DEFAULT 0,
  minute_used_cost bigint NOT NULL DEFAULT 0, minute_used_input bigint NOT NULL DEFAULT 0,
  minute_used_output bigint NOT NULL DEFAULT 0, minute_used_requests bigint NOT NULL DEFAULT 0,
  minute_held_cost bigint NOT NULL DEFAULT 0, minute_held_input bigint NOT NULL DEFAULT 0,
  minute_held_output bigint NOT NULL DEFAULT 0,
  hour_start bigint NOT NULL DEFAULT 0,
  hour_used_cost bigint NOT NULL DEFAULT 0, hour_used_input bigint NOT NULL DEFAULT 0,
  hour_used_output bigint NOT NULL DEFAULT 0, hour_used_requests bigint NOT NULL DEFAULT 0,
  hour_held_cost bigint NOT NULL DEFAULT 0, hour_held_input bigint NOT NULL DEFAULT 0,
  hour_held_output bigint NOT NULL DEFAULT 0,
  day_start bigint NOT NULL DEFAULT 0,
  day_used_cost bigint NOT NULL DEFAULT 0, day_used_input bigint NOT NULL DEFAULT 0,
  day_used_output bigint NOT NULL DEFAULT 0, day_used_requests bigint NOT NULL DEFAULT 0,
  day_held_cost bigint NOT NULL DEFAULT 0, day_held_input bigint NOT NULL DEFAULT 0,
  day_held_output bigint NOT NULL DEFAULT 0,
  week_start bigint NOT NULL DEFAULT 0,
  week_used_cost bigint NOT NULL DEFAULT 0, week_used_input bigint NOT NULL DEFAULT 0,
  week_used_output bigint NOT NULL DEFAULT 0, week_used_requests bigint NOT NULL DEFAULT 0,
  week_held_cost bigint NOT NULL DEFAULT 0, week_held_input bigint NOT NULL DEFAULT 0,
  week_held_output bigint NOT NULL DEFAULT 0,
  month_start bigint NOT NULL DEFAULT 0,
  month_used_cost bigint NOT NULL DEFAULT 0, month_used_input bigint NOT NULL DEFAULT 0,
  month_used_output bigint NOT NULL DEFAULT 0, month_used_requests bigint NOT NULL DEFAULT 0,
  month_held_cost bigint NOT NULL DEFAULT 0, month_held_input bigint NOT NULL DEFAULT 0,
  month_held_output bigint NOT NULL DEFAULT 0,
  lifetime_used_cost bigint NOT NULL DEFAULT 0, lifetime_used_input bigint NOT NULL DEFAULT 0,
  lifetime_used_output bigint NOT NULL DEFAULT 0, lifetime_used_requests bigint NOT NULL DEFAULT 0,
  lifetime_held_cost bigint NOT NULL DEFAULT 0, lifetime_held_input bigint NOT NULL DEFAULT 0,
  lifetime_held_output bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (org_id, meter_id)
) WITH (fillfactor = 45, autovacuum_vacuum_scale_factor = 0.05);

CREATE INDEX meter_family ON meter (org_id, family) WHERE family <> '';

-- One row per request id: what was asked, what was answered, what is held. Kept for the idempotency horizon.
CREATE TABLE call (
  org_id text COLLATE "C" NOT NULL,
  request_id text COLLATE "C" NOT NULL,
  state text NOT NULL,
  -- Grows with every change; what was planned on an older version is planned again.
  version integer NOT NULL,
  -- The request, for conflict detection, and the first answer, for replays (JSON).
  content text NOT NULL,
  answer text NOT NULL,
  -- Path, estimate, ttl and epoch of the Check (JSON).
  detail text NOT NULL,
  -- The base meters charged (without targets) and what the target was, for sums by plain SQL.
  subjects text[] NOT NULL,
  facts text NOT NULL,
  held_cost bigint NOT NULL,
  held_input bigint NOT NULL,
  held_output bigint NOT NULL,
  booked_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  -- Extends by sequence, and the closing Report, each with content and answer (JSON).
  extends text NOT NULL DEFAULT '[]',
  closing text,
  PRIMARY KEY (org_id, request_id)
) WITH (fillfactor = 85);

CREATE INDEX call_open ON call (expires_at, org_id) WHERE state = 'OPEN';
CREATE INDEX call_booked ON call USING brin (booked_at);

-- The record: one row per call or correction, never changed. Partitioned by the day it was recorded;
-- a day is rolled up into usage_daily once, after it has ended, and may be dropped only then.
CREATE TABLE usage (
  org_id text COLLATE "C" NOT NULL,
  recorded_at timestamptz NOT NULL,
  id uuid NOT NULL,
  request_id text NOT NULL,
  kind text NOT NULL,
  -- The instant whose windows the usage counts in; milliseconds since 1970.
  booked_at bigint NOT NULL,
  subjects text[] NOT NULL,
  user_id text,
  target text NOT NULL,
  facts text NOT NULL,
  cost bigint NOT NULL,
  input bigint NOT NULL,
  output bigint NOT NULL,
  cached_input bigint NOT NULL,
  cache_write bigint NOT NULL,
  requests bigint NOT NULL,
  price_revision text,
  over_hold boolean NOT NULL,
  late boolean NOT NULL,
  unpriced boolean NOT NULL,
  PRIMARY KEY (org_id, recorded_at, id)
) PARTITION BY RANGE (recorded_at);

CREATE TABLE usage_rest PARTITION OF usage DEFAULT;
CREATE INDEX usage_booked ON usage (org_id, booked_at);

-- Usage per day (of the booking, UTC), base meter and target, of the recorded days that were rolled up.
CREATE TABLE usage_daily (
  org_id text COLLATE "C" NOT NULL,
  day date NOT NULL,
  subject text COLLATE "C" NOT NULL,
  facts text NOT NULL,
  cost numeric NOT NULL,
  input numeric NOT NULL,
  output numeric NOT NULL,
  requests numeric NOT NULL,
  PRIMARY KEY (org_id, day, subject, facts)
);
CREATE INDEX usage_daily_subject ON usage_daily (org_id, subject, day);

-- The recorded days (UTC) that are in usage_daily.
CREATE TABLE usage_rolled (
  org_id text COLLATE "C" NOT NULL,
  day date NOT NULL,
  PRIMARY KEY (org_id, day)
);

-- What limits did. Equal events of one second past the first ten are one row with a count.
CREATE TABLE enforcement_event (
  org_id text COLLATE "C" NOT NULL,
  at timestamptz NOT NULL,
  id text COLLATE "C" NOT NULL,
  last_at timestamptz NOT NULL,
  sequence text COLLATE "C" NOT NULL,
  occurrences bigint NOT NULL,
  action text NOT NULL,
  request_id text NOT NULL,
  subjects text[] NOT NULL,
  user_id text,
  limit_subject text,
  limit_name text,
  revision integer,
  meter_id text,
  metric text,
  time_window text,
  window_start bigint,
  spend numeric,
  amount bigint,
  ask bigint,
  threshold integer,
  PRIMARY KEY (org_id, at, id)
) PARTITION BY RANGE (at);

CREATE TABLE enforcement_event_rest PARTITION OF enforcement_event DEFAULT;
CREATE INDEX enforcement_event_newest ON enforcement_event (org_id, last_at DESC, sequence DESC);

-- Which events were written that come once in a window: thresholds, and saturated sums (no limit, threshold 0).
CREATE TABLE threshold_reached (
  org_id text COLLATE "C" NOT NULL,
  limit_name text COLLATE "C" NOT NULL,
  meter_id text COLLATE "C" NOT NULL,
  threshold integer NOT NULL,
  time_window text NOT NULL,
  window_start bigint NOT NULL,
  -- The event that was written for it. The statement that writes events finds the first in each window by it.
  event_id text COLLATE "C",
  PRIMARY KEY (org_id, limit_name, meter_id, threshold, time_window, window_start)
);

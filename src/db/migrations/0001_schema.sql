-- The schema. Every key starts with the organization, so that all of one can live on one node.

-- The policies: what administrators declare. Every change of an organization steps `org.epoch` by one, and
-- every row says at which epoch it was written, so that a reader can ask for what changed since its own.

CREATE TABLE org (
  org_id text COLLATE "C" PRIMARY KEY,
  epoch bigint NOT NULL,
  -- Steps with the settings; the etag of the organization itself.
  version bigint NOT NULL,
  state text NOT NULL,
  display_name text NOT NULL,
  owner text NOT NULL DEFAULT '',
  time_zone text NOT NULL,
  week_start integer NOT NULL,
  month_anchor_day integer NOT NULL,
  unknown_models text,
  catalog text NOT NULL DEFAULT 'INHERIT',
  unknown_subjects text NOT NULL,
  unpriced text NOT NULL,
  on_expiry text NOT NULL,
  on_unknown_usage text NOT NULL DEFAULT 'HELD',
  on_store_failure text NOT NULL,
  store_content text NOT NULL,
  default_output_tokens bigint NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
);

-- The epoch of the platform's catalog, which organizations inherit: one row, on every node of a cluster. What it consists of
-- is kept as that of an organization, under the empty id, with the same tables, history and repeats.
CREATE TABLE platform (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  epoch bigint NOT NULL
);
INSERT INTO platform (epoch) VALUES (0);
INSERT INTO org (org_id, epoch, version, state, display_name, time_zone, week_start, month_anchor_day, catalog,
  unknown_subjects, unpriced, on_expiry, on_store_failure, store_content, default_output_tokens, created_at, updated_at)
VALUES ('', 0, 0, 'ACTIVE', '', 'UTC', 1, 1, 'OWN', 'ALLOW', 'DENY', 'RELEASE', 'DENY', 'NONE', 0, now(), now());

-- Directory and catalog: team, user, principal, app, customer, key, token, model, route_group, model_group.
CREATE TABLE record (
  org_id text COLLATE "C" NOT NULL REFERENCES org (org_id),
  kind text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  doc jsonb NOT NULL,
  -- Goes on counting when a record is deleted, and when one of its id is created again.
  version bigint NOT NULL,
  -- A deleted record keeps its row, so that what changed after an epoch can be read from here. `doc` is as it was.
  deleted boolean NOT NULL DEFAULT false,
  epoch bigint NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (org_id, kind, id)
);
CREATE INDEX record_changed ON record (org_id, epoch);
-- Lists, in each of their orders. The rows of deleted records are many where records come and go.
CREATE INDEX record_by_id ON record (org_id, kind, id) WHERE NOT deleted;
CREATE INDEX record_by_name
  ON record (org_id, kind, (lower(coalesce(doc->>'displayName', '')) COLLATE "C"), id) WHERE NOT deleted;
CREATE INDEX record_by_creation ON record (org_id, kind, created_at, id) WHERE NOT deleted;
CREATE INDEX record_by_update ON record (org_id, kind, updated_at, id) WHERE NOT deleted;
-- Finds the records that name another one, before that is deleted.
CREATE INDEX record_names ON record USING gin (doc jsonb_path_ops);

CREATE INDEX record_tier ON record (org_id, (doc->>'tier'), id) WHERE kind = 'user' AND NOT deleted;

-- Append-only, but for `newest`, which moves to the revision just appended.
CREATE TABLE policy_revision (
  org_id text COLLATE "C" NOT NULL REFERENCES org (org_id),
  subject_kind text COLLATE "C" NOT NULL,
  subject_id text COLLATE "C" NOT NULL,
  revision integer NOT NULL,
  newest boolean NOT NULL,
  doc jsonb NOT NULL,
  reason text NOT NULL,
  actor text NOT NULL,
  -- How it was made, where that was not by writing the policy: the limits that it took out, the revision that it restores,
  -- the policy that it is a copy of.
  origin jsonb NOT NULL DEFAULT '{}',
  -- This revision deleted the policy; `doc` declares nothing.
  deleted boolean NOT NULL DEFAULT false,
  epoch bigint NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (org_id, subject_kind, subject_id, revision)
);
CREATE UNIQUE INDEX policy_revision_newest
  ON policy_revision (org_id, subject_kind, subject_id) WHERE newest;
-- The list of policies, and how many there are: without those that are deleted, so that neither reads a row to leave it out.
CREATE INDEX policy_revision_live ON policy_revision (org_id, subject_kind, subject_id) WHERE newest AND NOT deleted;
CREATE INDEX policy_revision_changed ON policy_revision (org_id, epoch) WHERE newest;
-- Finds the policies that name targets at all: where a model is named is looked for among them.
CREATE INDEX policy_revision_targets ON policy_revision (org_id, subject_kind, subject_id)
  WHERE newest AND (doc ? 'access' OR doc @? '$.limits[*].targets[*]');
CREATE INDEX policy_revision_bypass ON policy_revision (org_id, subject_kind, subject_id)
  WHERE newest AND doc ? 'bypass';

-- Append-only, but for the revocation.
CREATE TABLE price_revision (
  org_id text COLLATE "C" NOT NULL REFERENCES org (org_id),
  scope text COLLATE "C" NOT NULL,
  subject text COLLATE "C" NOT NULL,
  -- Empty: a price without one.
  service_tier text COLLATE "C" NOT NULL DEFAULT '',
  revision integer NOT NULL,
  per_tokens bigint NOT NULL,
  rates jsonb NOT NULL,
  effective_at_ms bigint NOT NULL,
  reason text NOT NULL,
  actor text NOT NULL,
  epoch bigint NOT NULL,
  created_at timestamptz NOT NULL,
  revoked_epoch bigint,
  revoked_reason text,
  revoked_by text,
  revoked_at timestamptz,
  -- The later of the two epochs.
  changed_epoch bigint NOT NULL,
  PRIMARY KEY (org_id, scope, subject, service_tier, revision)
);
CREATE INDEX price_revision_changed ON price_revision (org_id, changed_epoch);

-- Temporary raises of limits. A row does not change but for its revocation; those that have ended stay, as history.
CREATE TABLE limit_raise (
  org_id text COLLATE "C" NOT NULL REFERENCES org (org_id),
  id text COLLATE "C" NOT NULL,
  -- Whose policy declares the limit, and its name there.
  subject_kind text COLLATE "C" NOT NULL,
  subject_id text COLLATE "C" NOT NULL,
  limit_name text COLLATE "C" NOT NULL,
  -- For whom it is raised; the same subject where it is for all (`for_all`). Views find a raise by it.
  owner_kind text COLLATE "C" NOT NULL,
  owner_id text COLLATE "C" NOT NULL,
  for_all boolean NOT NULL,
  metric text NOT NULL,
  time_window text,
  kind text NOT NULL,
  amount bigint NOT NULL,
  until_ms bigint NOT NULL,
  -- When it is over: at its end, or when it was revoked. Milliseconds since 1970, as `until_ms`.
  over_ms bigint NOT NULL,
  reason text NOT NULL,
  actor text NOT NULL,
  epoch bigint NOT NULL,
  created_at timestamptz NOT NULL,
  revoked_reason text,
  revoked_by text,
  revoked_at timestamptz,
  -- The epoch of the last change.
  changed_epoch bigint NOT NULL,
  PRIMARY KEY (org_id, id)
);
CREATE INDEX limit_raise_changed ON limit_raise (org_id, changed_epoch);
-- What views read, and what is counted against the bounds: those that are not over. One column says it, so that the planner
-- knows how few they are.
CREATE INDEX limit_raise_over ON limit_raise (org_id, over_ms);
CREATE INDEX limit_raise_over_of ON limit_raise (org_id, owner_kind, owner_id, over_ms);
-- The lists, newest first.
CREATE INDEX limit_raise_newest ON limit_raise (org_id, epoch);
CREATE INDEX limit_raise_of_subject ON limit_raise (org_id, subject_kind, subject_id, epoch);
CREATE INDEX limit_raise_of_owner ON limit_raise (org_id, owner_kind, owner_id, epoch);
CREATE INDEX limit_raise_revoked ON limit_raise (org_id, epoch) WHERE revoked_at IS NOT NULL;

-- Unique across organizations, so a table of its own, keyed (and distributed) by the hash.
CREATE TABLE credential_secret (
  sha256 bytea PRIMARY KEY,
  org_id text COLLATE "C" NOT NULL,
  kind text NOT NULL,
  id text COLLATE "C" NOT NULL
);

-- Answers of changes that carried a request id, for repeats.
CREATE TABLE change_request (
  org_id text COLLATE "C" NOT NULL REFERENCES org (org_id),
  request_id text COLLATE "C" NOT NULL,
  content_sha256 bytea NOT NULL,
  result jsonb NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (org_id, request_id)
);
CREATE INDEX change_request_at ON change_request USING brin (at);

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
-- The lock of the platform's catalog.
INSERT INTO meter (org_id, meter_id) VALUES ('', 'org');

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
  -- Its weight: how many requests it counts as.
  requests bigint NOT NULL,
  -- Extends by sequence, and the closing Report, each with content and answer (JSON).
  extends text NOT NULL DEFAULT '[]',
  closing text,
  -- How each limit of the first answer stood, used and held in turn. The database fills these in for a call that is written
  -- before it is decided.
  sums bigint[] NOT NULL DEFAULT '{}',
  -- Why its Check was denied, the first of the reasons. NULL: it was allowed, or there was none.
  reason text,
  -- The call that it says it belongs to.
  parent_request_id text COLLATE "C",
  PRIMARY KEY (org_id, request_id)
) WITH (
  -- PostgreSQL would compress each row of more than 2 kB when it is written: 8 to 20 us, to make it a sixth shorter.
  toast_tuple_target = 4080
);

-- The sweep takes expired holds organization by organization, so that many of one keep none of another waiting. A change of
-- state moves a row in this index, so it never stays in its page: the table needs no room in its pages.
CREATE INDEX call_open_of_org ON call (org_id, expires_at, request_id) WHERE state = 'OPEN';
-- Lists an organization's calls by time, and finds those past the idempotency horizon. A tree, because a BRIN index finds
-- nothing in a table whose space is used again: with two million calls, none to forget, 740 ms and 143,000 pages.
-- Partial, so that no statement that names a call by its key is planned with it: it too begins with org_id, and while the
-- table has no statistics a planner takes it for as good as the primary key, and reads all calls of an organization.
CREATE INDEX call_booked_of_org ON call (org_id, booked_at) WHERE booked_at >= 0;
-- These two are for few calls: one that is allowed and names no parent is in neither, and costs a look at a NULL.
CREATE INDEX call_denied_of_org ON call (org_id, booked_at) WHERE reason IS NOT NULL;
CREATE INDEX call_of_parent ON call (org_id, parent_request_id, booked_at) WHERE parent_request_id IS NOT NULL;

-- The record: one row per call or correction, never changed. Partitioned by the day it was recorded. A partition may be
-- dropped when all of it is rolled up.
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
  -- A part of the output, which may have a price of its own.
  reasoning_output bigint NOT NULL,
  cached_input bigint NOT NULL,
  cache_write bigint NOT NULL,
  -- A part of the cache writes, which are a part of the input, as what was cached is.
  cache_write_1h bigint NOT NULL,
  requests bigint NOT NULL,
  -- Counts of units beside tokens, by name; absent where there are none.
  units jsonb,
  price_revision text,
  over_hold boolean NOT NULL,
  late boolean NOT NULL,
  unpriced boolean NOT NULL,
  -- The usage is not known: what was held is booked in its place.
  assumed boolean NOT NULL DEFAULT false,
  -- Who served: the provider that the call named, else the catalog's; and the service tier that it named.
  provider text,
  service_tier text,
  PRIMARY KEY (org_id, recorded_at, id)
) PARTITION BY RANGE (recorded_at);

CREATE TABLE usage_rest PARTITION OF usage DEFAULT;
CREATE INDEX usage_booked ON usage (org_id, booked_at);
-- A meter that counts one user's calls of some targets is filled from these rows, under the organization's lock.
CREATE INDEX usage_of_user ON usage (org_id, user_id, booked_at);
-- The few rows that have units are read by themselves.
CREATE INDEX usage_with_units ON usage (org_id, recorded_at) WHERE units IS NOT NULL;

-- How far the usage of an organization is rolled up. Rows recorded at or before (rolled_to, rolled_to_id), in the order
-- of the primary key of usage, count by their sums; later ones count one by one. No row is recorded before closed_to:
-- it is moved under the organization's lock, and rolled_to only follows it.
CREATE TABLE usage_rolled (
  org_id text COLLATE "C" PRIMARY KEY,
  closed_to timestamptz NOT NULL,
  rolled_to timestamptz NOT NULL,
  rolled_to_id uuid NOT NULL
);

-- The days of an organization, as they were cut by its time zone when usage of them was first rolled up. They never
-- overlap, and begin and end with a quarter of an hour. `has_quarters`: all that was booked in it is in usage_quarter too.
CREATE TABLE usage_day (
  org_id text COLLATE "C" NOT NULL,
  starts_at timestamptz NOT NULL,
  ends_at timestamptz NOT NULL,
  has_quarters boolean NOT NULL DEFAULT true,
  PRIMARY KEY (org_id, starts_at)
);
CREATE INDEX usage_day_with_quarters ON usage_day (starts_at) WHERE has_quarters;

-- What the sums of usage tell apart beside subject and time: the facts of targets, and who served (empty: not known), each
-- combination once. Sums name it by the first half of its SHA-256.
CREATE TABLE usage_target (
  org_id text COLLATE "C" NOT NULL,
  target uuid NOT NULL,
  facts text NOT NULL,
  provider text NOT NULL,
  service_tier text NOT NULL,
  PRIMARY KEY (org_id, target)
);

-- What was booked in a quarter of an hour, by target, and by base meter or combination of subjects (`usage_path`); `user:`
-- (`app:`, `principal:`, `customer:`, `tier:`) is for the calls that have none. Each unit has a row of its own, which counts
-- only that unit; all else is in the row of the empty unit.
CREATE TABLE usage_quarter (
  org_id text COLLATE "C" NOT NULL,
  starts_at timestamptz NOT NULL,
  subject text COLLATE "C" NOT NULL,
  target uuid NOT NULL,
  unit text COLLATE "C" NOT NULL,
  cost numeric NOT NULL,
  input numeric NOT NULL,
  output numeric NOT NULL,
  requests numeric NOT NULL,
  unit_count numeric NOT NULL,
  PRIMARY KEY (org_id, subject, starts_at, target, unit)
) PARTITION BY RANGE (starts_at);

CREATE TABLE usage_quarter_rest PARTITION OF usage_quarter DEFAULT;
-- The rows of units are few among those of all calls, and read by themselves.
CREATE INDEX usage_quarter_units ON usage_quarter (org_id, subject, starts_at) WHERE unit <> '';
-- Finds what is past its retention, and the days that have rows there: after a backlog these may be many.
CREATE INDEX usage_quarter_rest_start ON usage_quarter_rest (org_id, starts_at);

-- The same by day of `usage_day`. A sum changes with every quarter of its day: in its own page it takes no new place in
-- the index.
CREATE TABLE usage_daily (
  org_id text COLLATE "C" NOT NULL,
  starts_at timestamptz NOT NULL,
  subject text COLLATE "C" NOT NULL,
  target uuid NOT NULL,
  unit text COLLATE "C" NOT NULL,
  cost numeric NOT NULL,
  input numeric NOT NULL,
  output numeric NOT NULL,
  requests numeric NOT NULL,
  unit_count numeric NOT NULL,
  PRIMARY KEY (org_id, subject, starts_at, target, unit)
) WITH (fillfactor = 50);
CREATE INDEX usage_daily_units ON usage_daily (org_id, subject, starts_at) WHERE unit <> '';
-- All users, keys or paths of some days, out of many more days.
CREATE INDEX usage_daily_time ON usage_daily (org_id, starts_at, subject);

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
  -- What raises added to the amount (JSON); NULL where none was in force.
  raises text,
  -- What the call asked for; of a fold, the last one.
  target text COLLATE "C" NOT NULL DEFAULT '',
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
-- Finds the windows that are long over, and of an organization's current windows the highest thresholds that were reached.
CREATE INDEX threshold_reached_start ON threshold_reached (time_window, window_start, org_id, threshold);

-- Which replica ends expired holds, and until when, by the database's clock. One row. On Citus it stays on the coordinator.
CREATE TABLE sweep_lease (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  holder text NOT NULL,
  ends_at timestamptz NOT NULL
) WITH (fillfactor = 50);
INSERT INTO sweep_lease (holder, ends_at) VALUES ('', '-infinity');

-- Who may call: accounts of people and services. On Citus these are reference tables.
CREATE TABLE account (
  -- The actor of what it changes; never given to another one.
  account_id text COLLATE "C" PRIMARY KEY,
  display_name text NOT NULL,
  kind text NOT NULL,
  -- [{"role": "org_admin", "orgIds": ["acme"]}, …]; without orgIds it holds for every organization.
  grants jsonb NOT NULL,
  state text NOT NULL CHECK (state IN ('ENABLED', 'DISABLED', 'REVOKED')),
  version bigint NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  -- A platform administrator acts for every organization.
  CONSTRAINT account_platform_admin CHECK (
    NOT jsonb_path_exists(grants, '$[*] ? (@.role == "platform_admin" && exists(@.orgIds))')
  )
);

-- The names of client certificates that sign in as an account.
CREATE TABLE account_certificate (
  name text COLLATE "C" PRIMARY KEY,
  account_id text COLLATE "C" NOT NULL
);
CREATE INDEX account_certificate_of ON account_certificate (account_id);

CREATE TABLE account_secret (
  sha256 bytea PRIMARY KEY,
  account_id text COLLATE "C" NOT NULL,
  -- 1, 2, … within the account.
  secret_id integer NOT NULL,
  last_four text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  replaced_by integer,
  -- To about a minute; no step of the version.
  last_used_at timestamptz,
  version bigint NOT NULL DEFAULT 1,
  UNIQUE (account_id, secret_id)
);

-- Answers of changes of accounts that carried a request id, for repeats by the same actor.
CREATE TABLE account_request (
  actor text COLLATE "C" NOT NULL,
  request_id text COLLATE "C" NOT NULL,
  content_sha256 bytea NOT NULL,
  result jsonb NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (actor, request_id)
);
CREATE INDEX account_request_at ON account_request USING brin (at);

-- The audit trail: who did what, when, from where and why, from what to what; also the history of records. Append-only.
-- One chain per organization, and one of the platform, whose org_id is empty.
CREATE TABLE audit_entry (
  org_id text COLLATE "C" NOT NULL,
  -- 1, 2, … without gaps.
  sequence bigint NOT NULL,
  -- Never before the entry before.
  at timestamptz(3) NOT NULL,
  actor text COLLATE "C" NOT NULL,
  -- The method; empty: none was called.
  rpc text COLLATE "C" NOT NULL,
  peer text NOT NULL,
  kind text COLLATE "C" NOT NULL,
  subject text COLLATE "C" NOT NULL,
  -- The version of a record or organization, the revision of a policy; NULL: it has none.
  revision bigint,
  -- The epoch that the change made; NULL: it made none, and is not part of the history of records.
  epoch bigint,
  reason text NOT NULL,
  request_id text NOT NULL,
  -- The exact texts that the hash covers. `before_doc` is NULL where it was not there, `after_doc` where it was deleted.
  before_doc json,
  after_doc json,
  secret_shown boolean NOT NULL,
  previous_hash bytea NOT NULL,
  hash bytea NOT NULL,
  PRIMARY KEY (org_id, sequence)
);
CREATE INDEX audit_entry_of ON audit_entry (org_id, kind, subject, sequence);
CREATE INDEX audit_entry_by ON audit_entry (org_id, actor, sequence);
CREATE INDEX audit_entry_rpc ON audit_entry (org_id, rpc, sequence);
CREATE INDEX audit_entry_secret ON audit_entry (org_id, sequence) WHERE secret_shown;
-- Times and sequences grow together: a range of times becomes one of sequences.
CREATE INDEX audit_entry_at ON audit_entry (org_id, at, sequence);

-- The head of each chain: its last entry. Who appends locks it.
CREATE TABLE audit_chain (
  org_id text COLLATE "C" PRIMARY KEY,
  sequence bigint NOT NULL,
  hash bytea NOT NULL,
  at timestamptz(3) NOT NULL
) WITH (fillfactor = 50);
-- Finds the chains that have grown.
CREATE INDEX audit_chain_at ON audit_chain (at);

-- Combinations of subjects that calls had, each once, so that usage can be grouped by one kind of subject and filtered by
-- another. `path` begins with `=path:` for all subjects of a call (the organization and members left out), with
-- `=team:`, `=key:` or `=label:` for those of one kind that a call may have several of. Sums of usage have it as their subject.
CREATE TABLE usage_path (
  org_id text COLLATE "C" NOT NULL,
  path text COLLATE "C" NOT NULL,
  subjects text[] NOT NULL,
  PRIMARY KEY (org_id, path)
);

-- The combinations that a subject is in.
CREATE TABLE usage_path_of (
  org_id text COLLATE "C" NOT NULL,
  subject text COLLATE "C" NOT NULL,
  path text COLLATE "C" NOT NULL,
  PRIMARY KEY (org_id, subject, path)
);
-- What policy revisions did to each limit, or to the limits of one quota together (`hour.cost`, `hour.tokens`): a row where
-- one was created, changed or taken out. Append-only, but for `newest`.
CREATE TABLE limit_revision (
  org_id text COLLATE "C" NOT NULL REFERENCES org (org_id),
  subject_kind text COLLATE "C" NOT NULL,
  subject_id text COLLATE "C" NOT NULL,
  epoch bigint NOT NULL,
  -- Of the quota, or of the limit that belongs to none.
  name text COLLATE "C" NOT NULL,
  -- Of the policy.
  revision integer NOT NULL,
  newest boolean NOT NULL,
  -- They were taken out; `doc` is as they were before.
  revoked boolean NOT NULL,
  -- NULL: they have none, or different ones.
  time_window text COLLATE "C",
  doc jsonb NOT NULL,
  reason text NOT NULL,
  actor text NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (org_id, subject_kind, subject_id, epoch, name)
);
CREATE UNIQUE INDEX limit_revision_newest
  ON limit_revision (org_id, subject_kind, subject_id, name) WHERE newest;
CREATE INDEX limit_revision_by_time ON limit_revision (org_id, epoch, subject_kind, subject_id, name);
CREATE INDEX limit_revision_of_kind ON limit_revision (org_id, subject_kind, epoch, subject_id, name);

-- What teams, users, principals, apps, customers, keys and tokens are found by: their words, each from its beginning.
CREATE TABLE record_word (
  org_id text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  word text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  PRIMARY KEY (org_id, kind, word, id)
);
CREATE INDEX record_word_of ON record_word (org_id, kind, id, word);

-- And what they have in common: `tier=pro`, `team=red`.
CREATE TABLE record_facet (
  org_id text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  facet text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  PRIMARY KEY (org_id, kind, facet, id)
);

-- How many have it; the empty facet counts all of a kind. Written under the organization's lock.
CREATE TABLE record_count (
  org_id text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  facet text COLLATE "C" NOT NULL,
  records bigint NOT NULL,
  PRIMARY KEY (org_id, kind, facet)
) WITH (fillfactor = 70);

-- The policies: what administrators declare. Every change of an organization steps `org.epoch` by one, and
-- every row says at which epoch it was written, so that a reader can ask for what changed since its own.

CREATE TABLE org (
  org_id text COLLATE "C" PRIMARY KEY,
  epoch bigint NOT NULL,
  -- Steps with the settings; the etag of the organization itself.
  version bigint NOT NULL,
  state text NOT NULL,
  display_name text NOT NULL,
  time_zone text NOT NULL,
  week_start integer NOT NULL,
  month_anchor_day integer NOT NULL,
  unknown_models text,
  unknown_subjects text NOT NULL,
  unpriced text NOT NULL,
  on_expiry text NOT NULL,
  on_store_failure text NOT NULL,
  store_content text NOT NULL,
  default_output_tokens bigint NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
);

-- Directory and catalog: team, user, principal, app, customer, key, token, model, route_group.
CREATE TABLE record (
  org_id text COLLATE "C" NOT NULL REFERENCES org (org_id),
  kind text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  doc jsonb NOT NULL,
  version bigint NOT NULL,
  epoch bigint NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (org_id, kind, id)
);
CREATE INDEX record_changed ON record (org_id, epoch);

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
  -- The limit that this revision took back, if it was made by taking one back.
  revoked text,
  epoch bigint NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (org_id, subject_kind, subject_id, revision)
);
CREATE UNIQUE INDEX policy_revision_newest
  ON policy_revision (org_id, subject_kind, subject_id) WHERE newest;
CREATE INDEX policy_revision_changed ON policy_revision (org_id, epoch) WHERE newest;

-- Append-only, but for the revocation.
CREATE TABLE price_revision (
  org_id text COLLATE "C" NOT NULL REFERENCES org (org_id),
  scope text COLLATE "C" NOT NULL,
  subject text COLLATE "C" NOT NULL,
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
  PRIMARY KEY (org_id, scope, subject, revision)
);
CREATE INDEX price_revision_changed ON price_revision (org_id, changed_epoch);

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

-- One row per step of the epoch: who changed what, why, from what to what.
CREATE TABLE change_log (
  org_id text COLLATE "C" NOT NULL REFERENCES org (org_id),
  epoch bigint NOT NULL,
  kind text NOT NULL,
  subject text NOT NULL,
  actor text NOT NULL,
  reason text NOT NULL,
  before_doc jsonb,
  after_doc jsonb,
  at timestamptz NOT NULL,
  PRIMARY KEY (org_id, epoch)
);

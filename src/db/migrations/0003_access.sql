-- Who may call: service tokens of gateways and secrets of administrators. On Citus a reference table.
CREATE TABLE access_secret (
  sha256 bytea PRIMARY KEY,
  -- For the log, and what a client certificate is matched with.
  name text COLLATE "C" NOT NULL UNIQUE,
  role text NOT NULL CHECK (role IN ('gateway', 'platform_admin', 'org_admin', 'org_viewer')),
  -- The organizations it may act for; null: every one.
  org_ids text[],
  created_at timestamptz NOT NULL DEFAULT now(),
  revoked_at timestamptz
);

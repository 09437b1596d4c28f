-- Sums of usage by quarter of an hour beside those by day, both written by the same step of the roll-up, and one mark per
-- organization in place of a note for each of its days.

-- What still has its single rows is rolled up again, by quarter. Older sums stay: by day of UTC, as they are.
CREATE TABLE kept_sum AS
SELECT d.org_id, d.day::timestamp AT TIME ZONE 'UTC' AS starts_at, d.subject, d.facts, sum(d.cost) AS cost,
  sum(d.input) AS input, sum(d.output) AS output, sum(d.requests) AS requests
FROM org o
CROSS JOIN LATERAL (SELECT min(u.recorded_at) AS at FROM usage u WHERE u.org_id = o.org_id) first_row
JOIN usage_rolled r ON r.org_id = o.org_id AND r.complete
JOIN usage_daily d ON d.org_id = r.org_id AND d.recorded_day = r.day
WHERE first_row.at IS NULL OR r.day < (first_row.at AT TIME ZONE 'UTC')::date
GROUP BY 1, 2, 3, 4;

DROP TABLE usage_daily, usage_rolled;

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

-- The facts of targets, each once: sums name them by the first half of their SHA-256.
CREATE TABLE usage_target (
  org_id text COLLATE "C" NOT NULL,
  target uuid NOT NULL,
  facts text NOT NULL,
  PRIMARY KEY (org_id, target)
);

-- What was booked in a quarter of an hour, by base meter and target.
CREATE TABLE usage_quarter (
  org_id text COLLATE "C" NOT NULL,
  starts_at timestamptz NOT NULL,
  subject text COLLATE "C" NOT NULL,
  target uuid NOT NULL,
  cost numeric NOT NULL,
  input numeric NOT NULL,
  output numeric NOT NULL,
  requests numeric NOT NULL,
  PRIMARY KEY (org_id, subject, starts_at, target)
) PARTITION BY RANGE (starts_at);

CREATE TABLE usage_quarter_rest PARTITION OF usage_quarter DEFAULT;
-- Finds what is past its retention, and the days that have rows there: after a backlog these may be many.
CREATE INDEX usage_quarter_rest_start ON usage_quarter_rest (org_id, starts_at);

-- The same by day of `usage_day`. A sum changes with every quarter of its day: in its own page it takes no new place in
-- the index.
CREATE TABLE usage_daily (
  org_id text COLLATE "C" NOT NULL,
  starts_at timestamptz NOT NULL,
  subject text COLLATE "C" NOT NULL,
  target uuid NOT NULL,
  cost numeric NOT NULL,
  input numeric NOT NULL,
  output numeric NOT NULL,
  requests numeric NOT NULL,
  PRIMARY KEY (org_id, subject, starts_at, target)
) WITH (fillfactor = 50);

INSERT INTO usage_day (org_id, starts_at, ends_at, has_quarters)
SELECT DISTINCT org_id, starts_at, starts_at + interval '24 hours', false FROM kept_sum;

INSERT INTO usage_target (org_id, target, facts)
SELECT DISTINCT org_id, encode(substring(sha256(convert_to(facts, 'UTF8')) FROM 1 FOR 16), 'hex')::uuid, facts
FROM kept_sum;

INSERT INTO usage_daily (org_id, starts_at, subject, target, cost, input, output, requests)
SELECT org_id, starts_at, subject, encode(substring(sha256(convert_to(facts, 'UTF8')) FROM 1 FOR 16), 'hex')::uuid,
  cost, input, output, requests
FROM kept_sum;

DROP TABLE kept_sum;

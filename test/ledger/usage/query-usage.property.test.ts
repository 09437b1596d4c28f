import { afterEach, beforeEach, expect, test } from 'vitest';
import { createQueryUsage } from '../../../src/service/admin/query-usage.ts';
import type { QueriedUsage, UsageQuestion } from '../../../src/service/admin/query-usage.ts';
import type {
  UsageDimension,
  UsageFilter,
  UsageSeries,
  UsageSums,
} from '../../../src/service/admin/usage-queries.ts';
import { withoutQuarters } from '../../../src/ledger/sql/upkeep.ts';
import { createTestDatabase } from '../../support/database.ts';
import type { TestDatabase } from '../../support/database.ts';
import { anyChange, plainOrganization, policyStoreOf } from '../../support/organization.ts';
import {
  insertPlainCalls,
  plainGroup,
  plainRanking,
  plainRest,
} from '../../support/plain-usage.ts';
import type { PlainCall, PlainSums } from '../../support/plain-usage.ts';
import { createRandom } from '../../support/random.ts';
import { rollUpAt } from '../../support/roll-up.ts';
import { usageQueriesOf } from '../../support/usage-parts.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const random = createRandom();
let database: TestDatabase;

beforeEach(async () => {
  database = await createTestDatabase();
});

afterEach(() => database.drop());

/** Zones, and an instant at which each changes its clock. */
const zones = [
  ['Asia/Kathmandu', '2026-04-05T00:00:00Z'],
  ['Pacific/Chatham', '2026-04-04T14:00:00Z'],
  ['Pacific/Chatham', '2026-09-26T14:00:00Z'],
  ['America/New_York', '2026-03-08T07:00:00Z'],
] as const;

const users: readonly [string, ...string[]] = ['', 'ann', 'ben', 'a@b', 'eve/x'];
const filterValues: Readonly<Record<string, readonly [string, ...string[]]>> = {
  user: ['ann', 'ben', 'a@b', 'nobody'],
  team: ['red', 'blue', 'all'],
  key: ['k1', 'k2'],
  app: ['crm', 'web'],
  label: ['search', 'chat'],
  model: ['gpt-5', 'claude', 'none'],
  provider: ['azure'],
  service_tier: ['flex'],
};
const dimensions: readonly UsageDimension[] = Object.keys(filterValues).map((kind) =>
  kind === 'label' ? { kind, labelKey: 'feature' } : { kind: kind as 'user' },
);

function randomCalls(aroundMs: number): PlainCall[] {
  return Array.from({ length: 500 }, (_, at) => {
    const spanMs = random.pick([3 * hourMs, 2 * dayMs, 40 * dayMs]);
    const bookedMs = aroundMs + random.between(-spanMs, spanMs);
    const teams = random.pick([[], ['red', 'all'], ['blue', 'all'], ['red', 'blue', 'all']]);
    return {
      bookedMs: random.pick([bookedMs, Math.floor(bookedMs / 900_000) * 900_000]),
      recordedMs: bookedMs + random.pick([0, 0, 4_000, 30 * hourMs]),
      user: random.pick(users),
      teams,
      keys: random.pick([[], ['k1'], ['k1', 'k2'], [`k${at % 7}`]]),
      app: random.pick(['', 'crm', 'web']),
      feature: random.pick(['', 'search', 'chat', 'a,b%']),
      model: random.pick(['gpt-5', 'claude', 'gpt-4o']),
      cost: BigInt(random.between(-3, 1_000)),
      images: random.pick([0, 0, 2, -1]),
    };
  });
}

function some<T>(items: readonly T[], most: number): T[] {
  const left = [...items];
  return Array.from({ length: random.between(0, most) }, () => {
    const [item] = left.splice(random.between(0, left.length - 1), 1);
    return item;
  }).filter((item) => item !== undefined);
}

function randomFilter(dimension: UsageDimension): UsageFilter {
  const values = filterValues[dimension.kind] ?? ['ann'];
  return { dimension, values: [random.pick(values), ...some(values, 1)].filter(isFirst) };
}

function isFirst(value: string, at: number, all: readonly string[]): boolean {
  return all.indexOf(value) === at;
}

type Intervals = readonly [UsageQuestion['interval'], ...UsageQuestion['interval'][]];

function randomQuestion(aroundMs: number, intervals: Intervals): UsageQuestion {
  const spanMs = random.pick([5 * hourMs, 4 * dayMs, 39 * dayMs]);
  const interval = random.pick(intervals);
  const most = interval === 'HOUR' ? 10 * dayMs : spanMs;
  const fromMs = aroundMs - random.between(0, Math.min(most, spanMs));
  return {
    orgId: 'acme',
    fromMs,
    toMs: aroundMs + random.between(1, Math.min(most, spanMs)),
    interval,
    groupBy: some(dimensions, 3),
    filters: some(dimensions, 2).map(randomFilter),
    rankBy: 'COST',
    seriesCount: random.pick([1, 2, 5, 20]),
    units: ['image'],
  };
}

const calendar = { weekStart: 3, monthAnchorDay: 15 };

/** SQL of the point that `booked` lies in, in words of PostgreSQL's own calendar. */
function labelOf(interval: UsageQuestion['interval'], timeZone: string): string {
  const local = `booked AT TIME ZONE '${timeZone}'`;
  const moved = (by: string, days: number): string =>
    `to_char(date_trunc('${by}', ${local} - interval '${days} days') + interval '${days} days', 'YYYY-MM-DD')`;
  switch (interval) {
    case undefined:
      return "'all'";
    case 'HOUR':
      return `extract(epoch FROM booked - (${local} - date_trunc('hour', ${local})))::bigint::text`;
    case 'DAY':
      return `to_char(${local}, 'YYYY-MM-DD')`;
    case 'WEEK':
      return moved('week', calendar.weekStart - 1);
    case 'MONTH':
      return moved('month', calendar.monthAnchorDay - 1);
  }
}

/** The same names for the points of an answer. */
async function pointsOf(
  { points }: UsageSeries,
  { cutsMs }: QueriedUsage,
  label: string,
): Promise<PlainSums> {
  const starts = [...points.keys()].map((at) => cutsMs[at]);
  const { rows } = await database.pool.query<{ name: string }>(
    `SELECT ${label} AS name FROM (SELECT to_timestamp(s.ms / 1000.0) AS booked, s.n
FROM unnest($1::bigint[]) WITH ORDINALITY AS s(ms, n)) AS start ORDER BY n`,
    [starts],
  );
  const sums = [...points.values()].map(textOf);
  return Object.fromEntries(rows.map(({ name }, at) => [name, sums[at] ?? '']));
}

function textOf({ cost, input, output, requests, units }: UsageSums): string {
  return [cost, input, output, requests, units[0]?.count ?? 0n].join('/');
}

function counted(sums: PlainSums): PlainSums {
  return Object.fromEntries(Object.entries(sums).filter(([, text]) => !/^0(\/0)*$/.test(text)));
}

async function expectAnswer(asked: UsageQuestion, timeZone: string): Promise<void> {
  const { pool } = database;
  const store = policyStoreOf(pool, () => 0);
  const query = createQueryUsage({ store, usage: usageQueriesOf(pool) });
  const limits = { deadlineMs: undefined, cancelled: undefined };
  const answer = await query(asked, limits);
  const label = labelOf(asked.interval, timeZone);
  const [fromMs = 0] = answer.cutsMs;
  const question = { ...asked, fromMs, toMs: answer.cutsMs.at(-1) ?? 0 };
  const found = (series: UsageSeries): Promise<PlainSums> => pointsOf(series, answer, label);
  const name = JSON.stringify(asked);
  const all = await plainRest(pool, question, [], label);
  expect(await found(answer.total), name).toEqual(counted(all));
  if (asked.groupBy.length === 0) return;
  const ranking = await plainRanking(pool, question);
  const groups = answer.series.map(({ group }) => group);
  expect(groups, name).toEqual(ranking.slice(0, asked.seriesCount));
  for (const series of answer.series) {
    const sums = await plainGroup(pool, question, series.group, label);
    expect(await found(series), `${name} ${series.group.join()}`).toEqual(counted(sums));
  }
  expect(answer.rest === undefined, name).toBe(ranking.length <= asked.seriesCount);
  if (answer.rest === undefined) return;
  const rest = await plainRest(pool, question, groups, label);
  expect(await found(answer.rest), `${name} rest`).toEqual(counted(rest));
}

/*
 * Seen red with each of these faults: a day that is cut counted beside its quarters; rows up to the mark counted again; a
 * call of two teams taken from the rest twice; a filter on a subject left out of the rows after the mark; members of a
 * team taken for teams.
 */
test.each(zones)(
  'in %s, around %s, every series adds up to what plain SQL finds in the calls',
  async (timeZone, at) => {
    const aroundMs = Date.parse(at);
    const { pool } = database;
    const store = policyStoreOf(pool, () => 0);
    const organization = plainOrganization('acme');
    await store.createOrganization(
      { ...organization, calendar: { timeZone, ...calendar } },
      anyChange,
    );
    await insertPlainCalls(pool, randomCalls(aroundMs));
    const every = [undefined, 'HOUR', 'DAY', 'WEEK', 'MONTH'] as const;
    for (const rolledMs of [-50 * dayMs, -hourMs, 50 * dayMs]) {
      await rollUpAt(pool, aroundMs + rolledMs)();
      for (let left = 8; left > 0; left -= 1) {
        await expectAnswer(randomQuestion(aroundMs, every), timeZone);
      }
    }
    await pool.query(withoutQuarters.text, [new Date(aroundMs).toISOString()]);
    await pool.query(`DELETE FROM usage_quarter q USING usage_day d WHERE NOT d.has_quarters
      AND q.starts_at >= d.starts_at AND q.starts_at < d.ends_at`);
    for (let left = 5; left > 0; left -= 1) {
      await expectAnswer(randomQuestion(aroundMs, ['DAY', 'WEEK', 'MONTH']), timeZone);
    }
  },
  60_000,
);

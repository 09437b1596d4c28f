import { afterEach, beforeEach, expect, test } from 'vitest';
import { meterOf } from '../../../src/core/meter.ts';
import { noBypass } from '../../../src/core/lifted.ts';
import { planCheck } from '../../../src/core/plan-check.ts';
import { orgSubject } from '../../../src/core/subject.ts';
import { asCataloged } from '../../../src/core/served-by.ts';
import { targetFacts } from '../../../src/core/target.ts';
import { createRollUp } from '../../../src/ledger/upkeep/roll-up.ts';
import { createUpkeep } from '../../../src/ledger/upkeep/upkeep.ts';
import { createTestDatabase } from '../../support/database.ts';
import type { TestDatabase } from '../../support/database.ts';
import { plainOrganization } from '../../support/organization.ts';
import { checksOf, startReplica } from '../../support/replica-ledger.ts';
import type { Replica } from '../../support/replica-ledger.ts';
import { transactionsOf } from '../../support/usage-rows.ts';
import { differencesOf } from '../../support/verified.ts';
import { callOf, viewOf } from '../../support/view.ts';

const minuteMs = 60_000;
const call = { user: 'ann', input: 1n, output: 1n, cost: 10n };
const limits = {
  policies: {
    org: { limits: [{ name: 'pace', metric: 'COST', window: 'MINUTE', amount: 1000n }] },
  },
} as const;
let database: TestDatabase;
let replicas: Replica[];

beforeEach(async () => {
  database = await createTestDatabase();
  replicas = [startReplica(database), startReplica(database)];
});

afterEach(async () => {
  await Promise.all(replicas.map(({ ledger }) => ledger.close()));
  await database.drop();
});

/** Sets the time of the database, as both replicas see it. */
function setTime(text: string): number {
  const nowMs = Date.parse(text);
  for (const replica of replicas) replica.nowMs = nowMs;
  return nowMs;
}

function replica(index: number): Replica {
  const found = replicas[index];
  if (found === undefined) throw new Error('there are two replicas');
  return found;
}

/*
 * Red on the code before: the newest window that any meter had entered was the least time of every
 * organization. So `beta` was decided at 09:10 too, on both replicas.
 */
test('when the database clock goes back, an organization stands still and the others do not notice', async () => {
  const [acme, beta] = [await checksOf(database, 'acme'), await checksOf(database, 'beta')];
  setTime('2026-03-10T09:10:07Z');
  const first = await acme(limits)(replica(0), 'a1', call);
  expect(first.outcome.decidedAtMs).toBe(Date.parse('2026-03-10T09:10:07Z'));

  const backMs = setTime('2026-03-10T09:00:00Z');
  for (const index of [0, 1, 0]) {
    const still = await acme(limits)(
      replica(index),
      `still-${replica(index).ways.length}-${index}`,
      call,
    );
    expect(still.outcome.decidedAtMs).toBe(Date.parse('2026-03-10T09:10:00Z'));
    const other = await beta(limits)(
      replica(index),
      `b-${replica(index).ways.length}-${index}`,
      call,
    );
    expect(other.outcome.decidedAtMs).toBe(backMs);
  }
  const [limit] = (await acme(limits)(replica(1), 'a5', call)).outcome.limits;
  expect([limit?.used, limit?.held]).toEqual([0n, 40n]);

  const onMs = setTime('2026-03-10T09:11:00Z');
  expect((await acme(limits)(replica(1), 'a6', call)).outcome.decidedAtMs).toBe(onMs);
  for (const orgId of ['acme', 'beta'])
    expect(await differencesOf(database.pool, orgId)).toEqual([]);
});

/*
 * Red where the time of recording ignores what is closed: the second report was recorded before the mark, and was in
 * the meters alone.
 */
test('usage reported after the clock went back before a closed quarter is in the record for good', async () => {
  const orgIds = ['acme', 'quiet'];
  for (const orgId of orgIds) await checksOf(database, orgId);
  const beforeMs = setTime('2026-03-10T23:40:00Z');
  const transact = transactionsOf(database.pool);
  const retention = { usageDays: 40, eventDays: 90, requestIdHours: 24 };
  await createUpkeep({ pool: database.pool, transact, nowMs: () => beforeMs, retention })();
  await report('acme', 'r1', replica(0));

  const afterMs = setTime('2026-03-11T00:01:30Z');
  const rollUp = createRollUp({ pool: database.pool, transact, nowMs: () => afterMs });
  expect(await rollUp()).toMatchObject({ rows: 1, waiting: 0 });

  const backMs = setTime('2026-03-10T23:41:00Z');
  for (const orgId of orgIds) await report(orgId, 'r2', replica(1));
  const { rows } = await database.pool.query<{ org_id: string; recorded_at: Date }>(
    "SELECT org_id, recorded_at FROM usage WHERE request_id = 'r2' ORDER BY org_id",
  );
  expect(rows).toEqual([
    { org_id: 'acme', recorded_at: new Date('2026-03-11T00:00:00Z') },
    { org_id: 'quiet', recorded_at: new Date(backMs) },
  ]);
  for (const orgId of orgIds) expect(await differencesOf(database.pool, orgId)).toEqual([]);
});

async function report(orgId: string, requestId: string, { ledger }: Replica): Promise<void> {
  const view = viewOf({});
  const { rows } = await database.pool.query<{ epoch: string }>(
    'SELECT epoch FROM org WHERE org_id = $1',
    [orgId],
  );
  await ledger.report({
    orgId,
    requestId,
    content: {},
    deadlineMs: undefined,
    plan: () => ({
      epoch: Number(rows[0]?.epoch),
      priceEpochs: view.priceEpochs,
      path: path,
      calendar: plainOrganization(orgId).calendar,
      meters: [meterOf(orgSubject)],
      limits: [],
      fromMs: -Infinity,
      untilMs: Infinity,
      bypass: noBypass,
      isAssumed: false,
      isUnattributed: false,
      usage: {
        cost: 5n,
        input: 1n,
        output: 1n,
        reasoningOutput: 0n,
        cachedInput: 0n,
        cacheWrite: 0n,
        cacheWrite1h: 0n,
        units: [],
        target: targetFacts(view, 'gpt-4o'),
        served: asCataloged,
        priceRevision: undefined,
        unpriced: false,
      },
      requests: 1n,
    }),
  });
}

const path = {
  ownTeams: [],
  teams: [],
  user: undefined,
  tier: undefined,
  keys: [],
  token: undefined,
  principal: undefined,
  app: undefined,
  customer: undefined,
  labels: [],
};

test('a replica that is behind another plans again, and both count in the windows of the later one', async () => {
  const acme = await checksOf(database, 'acme');
  const startMs = setTime('2026-03-10T09:00:00Z');
  for (let step = 0; step < 20; step += 1) {
    replica(step % 2).nowMs = startMs + step * minuteMs;
    const { outcome } = await acme(limits)(replica(step % 2), `step-${step}`, call);
    expect(outcome.limits[0]).toMatchObject({ used: 0n, held: 0n });
    const late = await acme(limits)(replica((step + 1) % 2), `late-${step}`, call);
    expect(late.outcome.limits[0]).toMatchObject({ used: 0n, held: 10n });
  }
  expect(await differencesOf(database.pool, 'acme')).toEqual([]);
});

/* Red with plans that hold whatever the time: the key was good when the call came, and passed. */
test('a key that expires while a call waits is expired', async () => {
  const view = viewOf({ keys: [{ id: 'k', expiresAtMs: Date.parse('2026-03-10T09:00:05Z') }] });
  await checksOf(database, 'acme');
  setTime('2026-03-10T09:00:04Z');
  const { rows } = await database.pool.query<{ epoch: string }>(
    "SELECT epoch FROM org WHERE org_id = 'acme'",
  );
  let plans = 0;
  const { outcome } = await replica(0).ledger.check({
    orgId: 'acme',
    requestId: 'waits',
    content: {},
    ttlMs: minuteMs,
    deadlineMs: undefined,
    plan: () => {
      plans += 1;
      const plan = planCheck(view, callOf({ key: 'k' }), replica(0).nowMs);
      setTime('2026-03-10T09:00:05Z');
      return { ...plan, epoch: Number(rows[0]?.epoch) };
    },
  });
  expect(outcome.reasons).toEqual(['CREDENTIAL_EXPIRED']);
  expect(plans).toBe(2);
});

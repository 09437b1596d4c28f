import { afterAll, beforeAll, expect, test } from 'vitest';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import { createPgAccess } from '../../src/auth/pg-access.ts';
import { createApp } from '../../src/app.ts';
import type { App } from '../../src/app.ts';
import { meterOf } from '../../src/core/meter.ts';
import { orgSubject } from '../../src/core/subject.ts';
import { unitSums } from '../../src/ledger/record/unit-sums.ts';
import { startTestServer } from '../support/data-server.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import {
  anyChange,
  createGateway,
  gatewayToken,
  plainOrganization,
  policyStoreOf,
} from '../support/organization.ts';
import { errorOf, openSession } from '../support/session.ts';
import type { Operation, TestSession } from '../support/session.ts';
import { connectTo, testSettings } from '../support/test-app.ts';
import { lifetimeOf } from '../support/usage-rows.ts';
import { differencesOf } from '../support/verified.ts';

const lives = 60;

let database: TestDatabase;
let app: App;

function start(): Promise<App> {
  const settings = testSettings(database.url, {
    // Fewer than the messages that come at once, so that the stream is held up again and again.
    TOLLGATE_SESSION_MESSAGES: '16',
  });
  return createApp(settings);
}

beforeAll(async () => {
  database = await createTestDatabase();
  await createGateway(database.pool);
  const store = policyStoreOf(database.pool, Date.now);
  await store.createOrganization(plainOrganization('acme'), anyChange);
  await store.createOrganization(plainOrganization('globex'), anyChange);
  app = await start();
});
afterAll(async () => {
  await app.close();
  await database.drop();
});

const open = (): TestSession => openSession(`127.0.0.1:${app.dataPort}`, gatewayToken);

function checkOf(requestId: string, orgId = 'acme'): Operation {
  const estimate = { costNanos: 10n };
  return { case: 'check', value: { orgId, requestId, target: 'm', estimate } };
}

/** One call from its Check to its end, every step with a wrong one beside it. */
async function live(session: TestSession, number: number): Promise<void> {
  const ids = { orgId: 'acme', requestId: `r${number}` };
  const ask = (step: string, operation: Operation) => session.ask(`${number}-${step}`, operation);
  const [checked, foreign] = await Promise.all([
    ask('check', checkOf(ids.requestId)),
    ask('foreign', { case: 'release', value: { orgId: 'nobody', requestId: ids.requestId } }),
  ]);
  expect(checked).toMatchObject({
    case: 'check',
    value: { ...ids, outcome: { heldCostNanos: 10n } },
  });
  expect(errorOf(foreign).code).toBe('NOT_FOUND');
  const [extended, wrong] = await Promise.all([
    ask('extend', { case: 'extend', value: { ...ids, sequence: 1, added: { costNanos: 5n } } }),
    ask('wrong', { case: 'report', value: ids }),
  ]);
  expect(extended).toMatchObject({ case: 'extend', value: { ...ids, sequence: 1 } });
  expect(errorOf(wrong).violations.map(({ field }) => field)).toEqual(['usage']);
  const ends = number % 2 === 0;
  const report: Operation = { case: 'report', value: { ...ids, usage: { costNanos: 7n } } };
  const end = await ask('end', ends ? report : { case: 'release', value: ids });
  expect(end).toMatchObject({ case: ends ? 'report' : 'release', value: ids });
}

test('calls that live side by side on one stream are each settled as if alone', async () => {
  using session = open();
  await Promise.all(Array.from({ length: lives }, (_, number) => live(session, number)));
  session.closeHalf();
  expect(await session.end).toEqual(['OK', undefined]);
  expect(session.order).toHaveLength(5 * lives);
  expect(await lifetimeOf(database.pool, 'acme', 'org')).toBe(
    `${(lives / 2) * 7}/0/0/${lives / 2}`,
  );
  expect(await differencesOf(database.pool, 'acme')).toEqual([]);
});

// Red where a batch or a stream leaves the units of a Report, or the weight of a call, unread.
test('units and weight count on a stream and in a batch as they do in single calls', async () => {
  await policyStoreOf(database.pool, Date.now).createOrganization(
    plainOrganization('initech'),
    anyChange,
  );
  using session = open();
  const ids = { orgId: 'initech', requestId: 'r' };
  const units = (image: bigint) => ({ costNanos: 1n, units: { image } });
  const estimate = { ...units(2n), requests: 3n };
  await session.ask('1', { case: 'check', value: { ...ids, target: 'm', estimate } });
  await session.ask('2', { case: 'extend', value: { ...ids, sequence: 1, added: units(1n) } });
  const value = { ...ids, usage: units(4n) };
  const settled = await session.ask('3', { case: 'report', value });
  expect(settled).toMatchObject({ case: 'report', value: { units: { image: 4n }, costNanos: 1n } });
  const client = connectTo(app, gatewayToken);
  const reports = ['a', 'b'].map((requestId) => ({
    orgId: 'initech',
    requestId,
    target: 'm',
    usage: units(5n),
    requests: 20n,
  }));
  const { batchReport } = DecisionService.method;
  const { results } = await client.call(batchReport, { orgId: 'initech', reports });
  client.close();
  for (const { result } of results) {
    expect(result).toMatchObject({ case: 'report', value: { units: { image: 5n } } });
  }
  expect(await lifetimeOf(database.pool, 'initech', 'org')).toBe('3/0/0/43');
  const org = meterOf(orgSubject);
  expect(await unitSums(database.pool, 'initech', org, -Infinity)).toEqual([
    { name: 'image', count: 14n },
  ]);
  expect(await differencesOf(database.pool, 'initech')).toEqual([]);
});

test('what a stream that broke asked can be asked again on another, and counts once', async () => {
  const broken = open();
  await broken.ask('c', checkOf('again'));
  broken.cancel();
  using session = open();
  const repeated = await session.ask('c', checkOf('again'));
  expect(repeated).toMatchObject({ case: 'check', value: { requestId: 'again', replayed: true } });
});

// Planted: with the caller of the stream's start instead of a new look-up, every message is answered: red.
test('a token that is revoked or confined while a stream is open counts from the next look-up', async () => {
  let nowMs = 0;
  const { pool } = database;
  const access = createPgAccess({ pool, monotonicMs: () => nowMs });
  await using served = await startTestServer({ access });
  using session = openSession(served.address, gatewayToken);
  await session.ask('1', checkOf('x'));
  await pool.query('UPDATE account_secret SET revoked_at = now()');
  expect(await session.ask('2', checkOf('x'))).toMatchObject({ case: 'check' });
  nowMs += 1000;
  const { code, reason } = errorOf(await session.ask('3', checkOf('x')));
  expect([code, reason]).toEqual(['UNAUTHENTICATED', 'SERVICE_TOKEN_INVALID']);
  expect(await session.end).toEqual(['UNAUTHENTICATED', 'SERVICE_TOKEN_INVALID']);
  await pool.query('UPDATE account_secret SET revoked_at = NULL');
});

test('a message for an organization that is not the caller’s is refused, its neighbours are not', async () => {
  await database.pool.query(
    `UPDATE account SET grants = jsonb_set(grants, '{0,orgIds}', '["acme"]')`,
  );
  const confined = await start();
  using session = openSession(`127.0.0.1:${confined.dataPort}`, gatewayToken);
  const [ours, theirs] = await Promise.all([
    session.ask('ours', checkOf('permitted')),
    session.ask('theirs', checkOf('forbidden', 'globex')),
  ]);
  expect(ours).toMatchObject({ case: 'check' });
  const { code, reason } = errorOf(theirs);
  expect([code, reason]).toEqual(['PERMISSION_DENIED', 'ORG_FORBIDDEN']);
  await confined.close();
});

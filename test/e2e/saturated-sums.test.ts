import { afterAll, beforeAll, expect, test } from 'vitest';
import { Decision } from '../../gen/tollgate/v1/outcome_pb.ts';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import { createApp } from '../../src/app.ts';
import type { App } from '../../src/app.ts';
import { createPgAccessStore } from '../../src/auth/pg-access-store.ts';
import type { UnaryClient } from '../../src/client/unary-client.ts';
import { windows } from '../../src/core/policy.ts';
import { orgSubject } from '../../src/core/subject.ts';
import { maxInt64 } from '../../src/core/totals.ts';
import { secretSha256 } from '../../src/platform/secret.ts';
import { post } from '../support/admin-plane.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import {
  anyChange,
  blockLimit,
  createGateway,
  gatewayToken,
  plainOrganization,
  policyStoreOf,
  putLimits,
} from '../support/organization.ts';
import { connectTo, testSettings } from '../support/test-app.ts';
import { differencesOf } from '../support/verified.ts';

/*
 * Four Reports of the largest int64 at once, from an organization whose budget is 0 USD, while another organization
 * with such a budget, and open to calls when the store is away, asks all the time.
 *
 * Planted, and seen red: sums of a batch past int64 that fail all of the batch as if the store were away (the other
 * organization's calls are then allowed); a statement that adds without a bound (later Reports fail); no events;
 * events that only the memory of a replica keeps to one, and events that only the store does.
 */
const { check, report } = DecisionService.method;
const adminSecret = 'tga_admin_for_tests';
const undo: (() => Promise<void>)[] = [];
let database: TestDatabase;
let app: App;
let client: UnaryClient;
let another: UnaryClient;

beforeAll(async () => {
  database = await createTestDatabase();
  await createGateway(database.pool);
  await createPgAccessStore(database.pool).create(
    [
      {
        name: 'admin',
        role: 'platform_admin',
        orgIds: undefined,
        sha256: secretSha256(adminSecret),
      },
    ],
    'test',
  );
  const store = policyStoreOf(database.pool, Date.now);
  for (const orgId of ['absurd', 'modest']) {
    const organization = plainOrganization(orgId, { onStoreFailure: 'ALLOW' });
    await store.createOrganization(organization, anyChange);
    await putLimits(store, orgId, orgSubject, [blockLimit('nothing', 'COST', 'LIFETIME', 0n)]);
  }
  // The time stands still, so that no window ends during a test.
  const nowMs = Date.now();
  const start = async (): Promise<App> => {
    const started = await createApp(testSettings(database.url), { clock: { nowMs: () => nowMs } });
    undo.push(() => started.close());
    return started;
  };
  app = await start();
  client = connectTo(app, gatewayToken);
  another = connectTo(await start(), gatewayToken);
});

afterAll(async () => {
  client.close();
  another.close();
  for (const close of undo) await close();
  await database.drop();
});

async function checkOf(orgId: string): Promise<unknown> {
  const estimate = { costNanos: 1n };
  const answer = await client.call(check, {
    orgId,
    subjects: { user: 'ann' },
    target: 'm',
    estimate,
  });
  return {
    decision: answer.outcome?.decision,
    degraded: answer.degraded,
    limit: answer.outcome?.binding?.limit,
  };
}

const refused = { decision: Decision.DENY, degraded: false, limit: 'org/nothing' };

async function reportMost(by: UnaryClient, requestId: string): Promise<void> {
  const usage = { inputTokens: maxInt64, costNanos: maxInt64 };
  const subjects = { user: 'ann' };
  await by.call(report, { orgId: 'absurd', subjects, target: 'm', requestId, usage });
}

interface EventJson {
  readonly meter: { readonly name: string };
  readonly window: string;
  readonly metric: string;
  readonly spend: string;
  readonly occurrenceCount: string;
  readonly user: string;
  readonly requestId: string;
}

async function saturations(orgId: string): Promise<readonly EventJson[]> {
  const url = `http://127.0.0.1:${app.adminPort}`;
  const asked = { orgId, action: 'EVENT_ACTION_SATURATED' };
  const { body } = await post(
    url,
    'EnforcementService/ListEvents',
    JSON.stringify(asked),
    adminSecret,
  );
  return (body['events'] ?? []) as EventJson[];
}

test('usage of the largest int64 changes no decision about a budget, of its own organization or another', async () => {
  const asking = Array.from({ length: 100 }, () => checkOf('modest'));
  const reporting = Array.from({ length: 4 }, (_, number) => reportMost(client, `r${number}`));
  expect(await Promise.all(asking)).toEqual(asking.map(() => refused));
  await Promise.all(reporting);
  expect(await checkOf('modest')).toEqual(refused);
  expect(await checkOf('absurd')).toEqual(refused);
  for (const orgId of ['absurd', 'modest']) {
    expect(await differencesOf(database.pool, orgId)).toEqual([]);
  }
});

test('each meter whose sums cannot grow has one event in each window', async () => {
  const first = await saturations('absurd');
  await reportMost(client, 'one more');
  await reportMost(another, 'elsewhere');
  const events = await saturations('absurd');
  const expected = ['org', 'user:ann'].flatMap((meter) =>
    windows.map((window) => `${meter} WINDOW_${window}`),
  );
  expect(events.map(({ meter, window }) => `${meter.name} ${window}`).toSorted()).toEqual(
    expected.toSorted(),
  );
  expect(events).toEqual(first);
  for (const { metric, spend, occurrenceCount, user, requestId } of events) {
    expect({ metric, spend, occurrenceCount, user }).toEqual({
      metric: 'METRIC_COST',
      spend: String(maxInt64),
      occurrenceCount: '1',
      user: 'ann',
    });
    expect(requestId).toMatch(/^r\d$/);
  }
  expect(await saturations('modest')).toEqual([]);
});

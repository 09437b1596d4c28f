import { afterAll, beforeAll, expect, test } from 'vitest';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import { Decision, Reason } from '../../gen/tollgate/v1/outcome_pb.ts';
import { createApp } from '../../src/app.ts';
import type { App } from '../../src/app.ts';
import type { UnaryClient } from '../../src/client/unary-client.ts';
import { answerOf } from '../support/admin-plane.ts';
import type { Answer, Json } from '../support/admin-plane.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import { connectTo, testSettings } from '../support/test-app.ts';

/*
 * Two replicas that hear nothing of each other: what one deletes, the next Check at the other obeys. Planted, and seen
 * red: a delta that leaves deleted rows out (`AND NOT r.deleted`).
 */
const orgId = 'pair';
const { check, report } = DecisionService.method;
let database: TestDatabase;
let one: App;
let other: App;
let gateways: readonly UnaryClient[];
let secret = '';

beforeAll(async () => {
  database = await createTestDatabase();
  const settings = testSettings(database.url, {
    TOLLGATE_POLICY_WATCH: 'false',
    TOLLGATE_EXAMPLE: 'false',
  });
  one = await createApp(settings);
  other = await createApp(settings);
  secret = one.secrets?.admin ?? '';
  gateways = [one, other].map((app) => connectTo(app, one.secrets?.gateway));
});
afterAll(async () => {
  for (const gateway of gateways) gateway.close();
  await one.close();
  await other.close();
  await database.drop();
});

async function call(app: App, rpc: string, message: Json): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${app.adminPort}/tollgate.admin.v1.${rpc}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${secret}` },
    body: JSON.stringify(message),
  });
  return answerOf(response.status, (await response.json()) as Json);
}

async function done(app: App, rpc: string, message: Json): Promise<Json> {
  const { code, body } = await call(app, rpc, { orgId, ...message });
  if (code !== 'OK') throw new Error(JSON.stringify(body));
  return body;
}

interface Checked {
  readonly decision: string;
  readonly reasons: readonly string[];
}

async function checked(
  index: number,
  subjects: Json,
  target = 'gpt-4o',
  requestId?: string,
): Promise<Checked> {
  const gateway = gateways[index];
  if (gateway === undefined) throw new Error('no gateway');
  const id = requestId === undefined ? {} : { requestId };
  const { outcome } = await gateway.call(check, { orgId, subjects, target, ...id });
  const reasons = outcome?.reasons ?? [];
  return {
    decision: nameOf(Decision, outcome?.decision ?? 0),
    reasons: reasons.map((reason) => nameOf(Reason, reason)),
  };
}

function nameOf(values: Readonly<Record<string, string | number>>, number: number): string {
  return Object.entries(values).find(([, value]) => value === number)?.[0] ?? '';
}

test('the first Check at one replica obeys the policy that the organization was created with at the other', async () => {
  const none = { name: 'none', metric: 'METRIC_REQUESTS', window: 'WINDOW_DAY', amount: '0' };
  await done(one, 'OrganizationService/CreateOrganization', {
    orgId: undefined,
    organization: { id: orgId, unknownModels: 'DEFAULT_RULE_DENY' },
    policy: { limits: [none] },
  });
  expect((await checked(1, {})).decision).toBe('DENY');
  await done(one, 'PolicyService/DeletePolicy', { subject: 'org' });
  // The policy had no other limit, and the catalog is empty.
  expect(await checked(1, {})).toEqual({ decision: 'DENY', reasons: ['MODEL_UNKNOWN'] });
  await done(one, 'CatalogService/CreateModel', { model: { id: 'gpt-4o' } });
  expect((await checked(1, {})).decision).toBe('ALLOW');
});

const kinds = [
  ['Directory', 'Team', 'team', { teams: ['x'] }, { state: 'SUBJECT_STATE_SUSPENDED' }],
  ['Directory', 'User', 'user', { user: 'x' }, { state: 'SUBJECT_STATE_SUSPENDED' }],
  ['Directory', 'Principal', 'principal', { principal: 'x' }, {}],
  ['Directory', 'App', 'app', { app: 'x' }, {}],
  ['Directory', 'Customer', 'customer', { customer: 'x' }, {}],
] as const;
test.each(kinds)(
  '%s: a deleted %s binds the next Check at the other replica',
  async (service, kind, field, subjects, state) => {
    const limits = [{ name: 'none', metric: 'METRIC_REQUESTS', window: 'WINDOW_DAY', amount: '0' }];
    for (let round = 0; round < 10; round += 1) {
      const [at, away] = round % 2 === 0 ? [one, 1] : [other, 0];
      await done(at, `${service}Service/Create${kind}`, { [field]: { id: 'x', ...state } });
      if (field !== 'team') {
        await done(at, 'PolicyService/UpdatePolicy', { policy: { subject: `${field}:x`, limits } });
      }
      expect([round, (await checked(away, subjects)).decision]).toEqual([round, 'DENY']);
      await done(at, `${service}Service/Delete${kind}`, { id: 'x' });
      expect([round, await checked(away, subjects)]).toEqual([
        round,
        { decision: 'ALLOW', reasons: [] },
      ]);
    }
  },
);

test('deleted targets are unknown to the next Check at the other replica', async () => {
  for (let round = 0; round < 10; round += 1) {
    const [at, away] = round % 2 === 0 ? [one, 1] : [other, 0];
    await done(at, 'CatalogService/CreateModel', { model: { id: 'm' } });
    await done(at, 'CatalogService/CreateRouteGroup', { routeGroup: { id: 'g', members: ['m'] } });
    expect((await checked(away, {}, 'g')).decision).toBe('ALLOW');
    expect((await checked(away, {}, 'm')).decision).toBe('ALLOW');
    await done(at, 'CatalogService/DeleteRouteGroup', { id: 'g' });
    expect((await checked(away, {}, 'g')).reasons).toEqual(['MODEL_UNKNOWN']);
    await done(at, 'CatalogService/DeleteModel', { id: 'm' });
    expect((await checked(away, {}, 'm')).reasons).toEqual(['MODEL_UNKNOWN']);
  }
});

test('a repeated deletion at the other replica is answered, and deletes nothing that was created since', async () => {
  await done(one, 'DirectoryService/CreateUser', { user: { id: 'eve' } });
  const request = { id: 'eve', requestId: 'once', reason: 'left' };
  const first = await done(one, 'DirectoryService/DeleteUser', request);
  await done(other, 'DirectoryService/CreateUser', { user: { id: 'eve', displayName: 'Eve II' } });
  expect(await done(other, 'DirectoryService/DeleteUser', request)).toEqual(first);
  expect(await done(one, 'DirectoryService/GetUser', { id: 'eve' })).toMatchObject({
    user: { displayName: 'Eve II', etag: '3' },
  });
});

test('of two administrators at two replicas one deletes, and a deletion meets no new reference', async () => {
  for (let round = 0; round < 10; round += 1) {
    const id = `t${round}`;
    await done(one, 'DirectoryService/CreateTeam', { team: { id } });
    const remove = { orgId, id };
    const answers = await Promise.all([
      call(one, 'DirectoryService/DeleteTeam', remove),
      call(other, 'DirectoryService/DeleteTeam', remove),
      call(other, 'CredentialService/CreateKey', { orgId, key: { id, team: id } }),
    ]);
    const reasons = answers.map(({ code, reason }) => (code === 'OK' ? 'OK' : String(reason)));
    // Either the key came first and holds the team, or the team was gone and the key is refused.
    const isHeld = reasons[2] === 'OK';
    const deletions = reasons.slice(0, 2).toSorted();
    const each = isHeld ? ['RECORD_IN_USE', 'RECORD_IN_USE'] : ['OK', 'TEAM_NOT_FOUND'];
    expect([isHeld, deletions]).toEqual([isHeld, each]);
  }
});

test('a call under way is reported at the other replica after its user was deleted', async () => {
  await done(one, 'DirectoryService/CreateUser', { user: { id: 'zoe' } });
  expect((await checked(0, { user: 'zoe' }, 'gpt-4o', 'under-way')).decision).toBe('ALLOW');
  await done(one, 'DirectoryService/DeleteUser', { id: 'zoe' });
  const usage = { inputTokens: 5n, outputTokens: 2n, costNanos: 7n };
  const answer = await gateways[1]?.call(report, { orgId, requestId: 'under-way', usage });
  expect(answer).toMatchObject({ costNanos: 7n, late: false });
  const meter = { meter: 'user:zoe', window: 'WINDOW_DAY' };
  expect(await done(one, 'UsageService/GetUsage', meter)).toMatchObject({ costNanos: '7' });
});

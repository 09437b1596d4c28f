import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../support/admin-plane.ts';
import { startCallWorld } from '../support/call-world.ts';
import type { CallWorld } from '../support/call-world.ts';

let world: CallWorld;
beforeAll(async () => {
  world = await startCallWorld();
  await world.admin('DirectoryService/CreateTeam', { orgId: 'acme', team: { id: 'red' } });
  const limits = [
    { name: 'cap', metric: 'METRIC_COST', window: 'WINDOW_DAY', amount: '0.001' },
    {
      name: 'loud',
      metric: 'METRIC_COST',
      window: 'WINDOW_DAY',
      amount: '0',
      action: 'ACTION_WARN',
    },
  ];
  await world.admin('PolicyService/UpdatePolicy', {
    orgId: 'acme',
    policy: { subject: 'team:red', limits },
  });
  await world.admin('DirectoryService/CreateUser', { orgId: 'acme', user: { id: 'sue' } });
});
afterAll(() => world.stop());

const alice = { subjects: { user: 'alice', teams: ['red'] } };
const estimate = { inputTokens: 300n, outputTokens: 100n };

async function get(id: string): Promise<Json> {
  const { call } = await world.admin('CallService/GetCall', { orgId: 'acme', id });
  return call as Json;
}

async function listed(filter: Json): Promise<readonly string[]> {
  const { calls = [] } = await world.admin('CallService/ListCalls', { orgId: 'acme', ...filter });
  return (calls as readonly Json[]).map(({ requestId }) => String(requestId));
}

// Planted, and seen red each: the sums of the answer left out (used and held were 0); the policies of now in place of those
// at the call's epoch; the hash of the credential shown.
test('a denied call says what was asked, what decided it, and how each limit stood', async () => {
  const created = await world.admin('CredentialService/CreateKey', {
    orgId: 'acme',
    key: { id: 'k1', user: 'alice' },
  });
  expect(await world.check('d1', { ...alice, estimate, credential: created['secret'] })).toBe(
    'ALLOW',
  );
  world.clock.nowMs += 1000;
  expect(
    await world.check('d2', {
      ...alice,
      estimate: { inputTokens: 800n, outputTokens: 100n },
      parentRequestId: 'd1',
    }),
  ).toBe('DENY');
  await world.admin('PolicyService/UpdatePolicy', {
    orgId: 'acme',
    policy: { subject: 'team:red', limits: [], notes: 'later' },
  });
  const [first, denied] = [await get('d1'), await get('d2')];
  await world.admin('PolicyService/UpdatePolicy', {
    orgId: 'acme',
    policy: {
      subject: 'team:red',
      limits: [{ name: 'cap', metric: 'METRIC_COST', window: 'WINDOW_DAY', amount: '0.001' }],
    },
  });
  expect(denied).toMatchObject({
    summary: {
      requestId: 'd2',
      state: 'CALL_STATE_DENIED',
      decision: 'DECISION_DENY',
      reason: 'REASON_COST_EXCEEDED',
      bookTime: '2026-03-10T09:00:01Z',
      target: 'gpt',
      user: 'alice',
      limit: 'team:red/cap',
      parentRequestId: 'd1',
      requestCount: '1',
    },
    asked: {
      target: 'gpt',
      'subjects.user': 'alice',
      'subjects.teams': '["red"]',
      'estimate.input_tokens': '800',
      'estimate.output_tokens': '100',
      parent_request_id: 'd1',
    },
    outcome: {
      binding: { revision: '1', held: '400000', ask: '900000', amount: '1000000' },
      limits: [{ name: 'cap' }, { name: 'loud', status: 'LIMIT_STATUS_WARNED' }],
    },
    priceRevision: { scope: 'PRICE_SCOPE_MODEL', subject: 'gpt', revision: '1' },
    policies: [{ subject: { kind: 'SUBJECT_KIND_TEAM', id: 'red' }, revision: '1' }],
    events: [
      { action: 'EVENT_ACTION_BLOCKED', limit: 'team:red/cap', spend: '400000' },
      { action: 'EVENT_ACTION_WARNED', limit: 'team:red/loud' },
    ],
  });
  expect(denied['explanation']).toContain('denied by team:red/cap: 0.00 of 0.001 USD used');
  expect(denied).not.toHaveProperty('expireTime');
  expect(denied).not.toHaveProperty('summary.costNanos');
  expect(first).toMatchObject({
    summary: {
      state: 'CALL_STATE_OPEN',
      decision: 'DECISION_ALLOW',
      heldCostNanos: '400000',
      heldTokens: '400',
    },
    asked: { credential: 'presented' },
    expireTime: '2026-03-10T09:10:00Z',
    children: [{ requestId: 'd2', decision: 'DECISION_DENY' }],
  });
  expect(JSON.stringify([first, denied])).not.toContain(String(created['secret']));
  await world.release('d1');
  expect((await get('d1'))['summary']).toMatchObject({ state: 'CALL_STATE_RELEASED' });
});

// Planted, and seen red each: what was booked of the call left out; a refused Extend left out; the children of all calls.
test('a call says how it was extended, settled, released, expired and charged, late or without a Check', async () => {
  world.clock.nowMs += 60_000;
  await world.check('s1', { ...alice, estimate });
  expect(await world.extend('s1', 1)).toBe('ALLOW');
  expect(await world.extend('s1', 2, { added: { outputTokens: 100_000n } })).toBe('DENY');
  await world.report('s1', { usage: { inputTokens: 300n, outputTokens: 250n }, provider: 'azure' });
  expect(await get('s1')).toMatchObject({
    summary: {
      state: 'CALL_STATE_SETTLED',
      costNanos: '550000',
      tokens: '550',
      heldCostNanos: '500000',
    },
    extends: [
      {
        sequence: 1,
        asked: { 'added.output_tokens': '100' },
        outcome: { decision: 'DECISION_ALLOW' },
      },
      { sequence: 2, outcome: { reason: 'REASON_COST_EXCEEDED' } },
    ],
    settlement: {
      asked: { 'usage.output_tokens': '250' },
      costNanos: '550000',
      overHold: true,
      provider: 'azure',
    },
    entries: [{ kind: 'CALL', costNanos: '550000', requestCount: '1' }],
    events: [{ action: 'EVENT_ACTION_BLOCKED' }],
  });

  await world.check('s2', { subjects: { user: 'bob' }, estimate, settleNow: true });
  await world.check('s3', { subjects: { user: 'bob' }, estimate });
  await world.report('s3', { usage: undefined, usageUnknown: true });
  await world.report('s4', { target: 'gpt' });
  await world.report('d2');
  await world.check('s5', { subjects: { user: 'bob' }, estimate });
  world.clock.nowMs += 700_000;
  await world.admin('EnforcementService/ExpireHolds', { orgId: 'acme' });
  const expired = await get('s5');
  await world.report('s5');
  await world.admin('OrganizationService/UpdateOrganization', {
    organization: { id: 'acme', onExpiry: 'EXPIRY_RULE_CHARGE' },
  });
  await world.check('s6', { subjects: { user: 'bob' }, estimate });
  world.clock.nowMs += 700_000;
  await world.admin('EnforcementService/ExpireHolds', { orgId: 'acme' });
  const charged = await get('s6');
  await world.report('s6');

  expect(await get('s2')).toMatchObject({
    summary: {
      state: 'CALL_STATE_SETTLED',
      decision: 'DECISION_ALLOW',
      costNanos: '400000',
      tokens: '400',
    },
    asked: { settle_now: 'true' },
    entries: [{ kind: 'CALL' }],
  });
  expect((await get('s2'))['settlement']).toBeUndefined();
  expect(await get('s3')).toMatchObject({
    settlement: { usageAssumed: true, costNanos: '400000' },
  });
  const postPaid = await get('s4');
  expect(postPaid).toMatchObject({
    summary: { state: 'CALL_STATE_SETTLED', costNanos: '120000' },
    settlement: { postPaid: true, unattributed: true },
    events: [{ action: 'EVENT_ACTION_UNATTRIBUTED' }],
  });
  expect(postPaid).not.toHaveProperty('outcome');
  expect(postPaid).not.toHaveProperty('summary.decision');
  expect(await get('d2')).toMatchObject({
    summary: { state: 'CALL_STATE_SETTLED', decision: 'DECISION_DENY', costNanos: '120000' },
    settlement: { overHold: true },
  });
  expect(expired).toMatchObject({
    summary: { state: 'CALL_STATE_EXPIRED', costNanos: '0' },
    entries: [{ kind: 'EXPIRED', requestCount: '1' }],
    events: [{ action: 'EVENT_ACTION_EXPIRED' }],
  });
  expect(await get('s5')).toMatchObject({
    settlement: { late: true },
    summary: { costNanos: '120000' },
  });
  expect(charged).toMatchObject({
    summary: { state: 'CALL_STATE_CHARGED', costNanos: '400000' },
    entries: [{ kind: 'EXPIRED', costNanos: '400000' }],
  });
  expect(await get('s6')).toMatchObject({
    summary: { state: 'CALL_STATE_SETTLED', costNanos: '120000', tokens: '120' },
    entries: [{ kind: 'EXPIRED' }, { kind: 'CORRECTION', costNanos: '-280000' }],
  });
});

test('denials for what is no limit are kept with their reason; an unknown credential leaves nothing', async () => {
  await world.admin('PolicyService/UpdatePolicy', {
    orgId: 'acme',
    policy: { subject: 'org', access: { deny: ['bad-*'] } },
  });
  const { secret } = await world.admin('CredentialService/CreateKey', {
    orgId: 'acme',
    key: { id: 'k2' },
  });
  await world.admin('CredentialService/UpdateKey', {
    orgId: 'acme',
    key: { id: 'k2', state: 'CREDENTIAL_STATE_DISABLED' },
  });
  await world.admin('DirectoryService/UpdateUser', {
    orgId: 'acme',
    user: { id: 'sue', state: 'SUBJECT_STATE_SUSPENDED' },
  });
  await world.check('r1', { target: 'bad-model' });
  await world.check('r2', { credential: secret });
  await world.check('r3', { subjects: { user: 'sue' } });
  await world.check('r4', { credential: 'nobody-knows-it' });
  expect(await get('r1')).toMatchObject({
    summary: { reason: 'REASON_MODEL_DENIED' },
    explanation: 'denied: a deny list names the target',
    policies: [{ subject: { kind: 'SUBJECT_KIND_ORG' }, revision: '1' }],
  });
  expect(await get('r2')).toMatchObject({ summary: { reason: 'REASON_CREDENTIAL_DISABLED' } });
  expect(await get('r3')).toMatchObject({ summary: { reason: 'REASON_USER_SUSPENDED' } });
  const none = await world.ask('CallService/GetCall', { orgId: 'acme', id: 'r4' });
  expect(none).toMatchObject({
    code: 'NOT_FOUND',
    reason: 'CALL_NOT_FOUND',
    metadata: { request_id: 'r4' },
  });
});

describe('a list of calls', () => {
  // Planted, and seen red each: every filter left out in turn.
  test.each<[string, Json, readonly string[]]>([
    ['a subject on the path', { subject: 'team:red' }, ['s1', 'd2', 'd1']],
    ['its user', { subject: 'user:sue' }, ['r3']],
    ['the target that it asked for', { target: 'bad-model' }, ['r1']],
    ['a denial', { decision: 'DECISION_DENY' }, ['r3', 'r2', 'r1', 'd2']],
    ['a reason', { denialReason: 'REASON_MODEL_DENIED' }, ['r1']],
    ['a state', { state: 'CALL_STATE_RELEASED' }, ['d1']],
    ['an answer and a subject', { decision: 'DECISION_ALLOW', subject: 'team:red' }, ['s1', 'd1']],
    ['a time', { startTime: '2026-03-10T09:00:00Z', endTime: '2026-03-10T09:00:01Z' }, ['d1']],
    [
      'an answer that does not fit',
      { decision: 'DECISION_ALLOW', denialReason: 'REASON_MODEL_DENIED' },
      [],
    ],
  ])('has those with %s, newest first', async (_what, filter, ids) => {
    const found = await listed(filter);
    expect(found).toEqual(ids);
  });

  test('goes on from page to page without gap or repeat, where many have one instant', async () => {
    const all = await listed({});
    const pages: string[] = [];
    let pageToken: unknown = '';
    do {
      const body = await world.admin('CallService/ListCalls', {
        orgId: 'acme',
        pageSize: 2,
        pageToken,
      });
      pages.push(...((body['calls'] ?? []) as Json[]).map(({ requestId }) => String(requestId)));
      pageToken = body['nextPageToken'];
      expect(body['searchedToTime'] === undefined).toBe(pageToken === undefined);
    } while (pageToken !== undefined);
    expect(pages).toEqual(all);
    expect(all).toHaveLength(11);
  });
});

// Planted, and seen red: the parent left out where a call is written before it is decided.
test('calls that are allowed far from their limits are children too, one by one and settled at once', async () => {
  const alone = { subjects: { user: 'zoe' }, parentRequestId: 'mother' };
  await world.check('child 1', alone);
  await world.check('child 2', { ...alone, settleNow: true, estimate });
  expect(await listed({ parentRequestId: 'mother' })).toEqual(['child 2', 'child 1']);
});

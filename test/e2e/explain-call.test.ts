import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Json } from '../support/admin-plane.ts';
import { startCallWorld } from '../support/call-world.ts';
import type { CallWorld } from '../support/call-world.ts';

let world: CallWorld;
beforeAll(async () => {
  world = await startCallWorld();
  await world.admin('DirectoryService/CreateTeam', { orgId: 'acme', team: { id: 'red' } });
  await world.admin('PolicyService/UpdatePolicy', {
    orgId: 'acme',
    policy: { subject: 'user:alice', limits: [cap('0.001')] },
  });
  const spent = { subjects: { user: 'alice' }, estimate: { inputTokens: 900n, outputTokens: 0n } };
  expect(await world.check('spent', spent)).toBe('ALLOW');
  // So that the organization's sums are not Alice's.
  await world.check('other', { subjects: { user: 'carol' }, estimate: { inputTokens: 5n } });
});
afterAll(() => world.stop());

const cap = (amount: string, more: Json = {}) => ({
  name: 'cap',
  metric: 'METRIC_COST',
  window: 'WINDOW_DAY',
  amount,
  ...more,
});
const call = {
  orgId: 'acme',
  subjects: { user: 'alice' },
  target: 'gpt',
  estimate: { inputTokens: '200', outputTokens: '0' },
};
const explain = (drafts: readonly Json[], more: Json = {}) =>
  world.admin('CallService/ExplainCall', { ...call, drafts, ...more });

/** Everything that a call or a change writes. */
async function everything(): Promise<string> {
  const { rows } = await world.database.pool.query(
    `SELECT (SELECT jsonb_agg(m) FROM meter m) AS meters, (SELECT count(*) FROM call) AS calls,
  (SELECT count(*) FROM enforcement_event) AS events, (SELECT epoch FROM org WHERE org_id = 'acme') AS epoch,
  (SELECT count(*) FROM policy_revision) AS revisions`,
  );
  return JSON.stringify(rows);
}

// Planted, and seen red each: the draft decided with what the view remembers of the present policies; its meters left out
// of those that are charged; the totals of the second plan read from the place of the first.
test('a draft is decided beside the present policies, on the same sums, and nothing is written', async () => {
  const before = await everything();
  const wider = await explain([{ subject: 'user:alice', limits: [cap('0.002')] }]);
  const narrowed = await explain([
    { subject: 'user:alice', limits: [cap('0.0011', { targets: ['gpt'] })] },
    { subject: 'team:red', limits: [cap('0', { name: 'closed', appliesTo: 'MEMBER' })] },
  ]);
  const closed = await explain([{ subject: 'org', access: { deny: ['*'] } }]);
  const none = await explain([]);
  const present = {
    outcome: {
      reason: 'REASON_COST_EXCEEDED',
      limits: [{ revision: '1', held: '900000', ask: '200000', amount: '1000000' }],
    },
    priceRevision: { subject: 'gpt' },
  };
  expect(wider).toMatchObject({
    present,
    draft: {
      outcome: {
        decision: 'DECISION_ALLOW',
        limits: [{ held: '900000', amount: '2000000', remaining: '900000' }],
      },
      explanation: expect.stringContaining('allowed; tightest is user:alice/cap') as string,
    },
  });
  expect(narrowed).toMatchObject({
    present,
    draft: {
      outcome: {
        decision: 'DECISION_ALLOW',
        limits: [{ meter: { name: 'user:alice@gpt' }, held: '900000', amount: '1100000' }],
      },
    },
  });
  expect(closed).toMatchObject({
    present,
    draft: { outcome: { reasons: ['REASON_MODEL_DENIED', 'REASON_COST_EXCEEDED'] } },
  });
  expect(none).toMatchObject({ present });
  expect(none).not.toHaveProperty('draft');
  expect(await everything()).toBe(before);
});

test('a draft binds a member of a team, where the call names it', async () => {
  const drafts = [
    { subject: 'team:red', limits: [cap('0', { name: 'closed', appliesTo: 'MEMBER' })] },
  ];
  const { draft } = await explain(drafts, { subjects: { user: 'bob', teams: ['red'] } });
  expect(draft).toMatchObject({
    outcome: { reason: 'REASON_COST_EXCEEDED', binding: { limit: 'team:red/closed' } },
  });
});

// Planted, and seen red: without the check of the store, the first two were answered.
test.each<[string, Json, string]>([
  ['an unknown team', { subject: 'team:blue' }, 'drafts[0].subject'],
  ['an unknown key', { subject: 'key:nobody' }, 'drafts[0].subject'],
  [
    'a limit of no metric',
    { subject: 'org', limits: [{ name: 'x' }] },
    'drafts[0].limits[0].metric',
  ],
  ['no subject', {}, 'drafts[0].subject'],
])('a draft on %s is refused by its field', async (_what, draft, field) => {
  const refused = await world.ask('CallService/ExplainCall', { ...call, drafts: [draft] });
  expect(refused).toMatchObject({ code: 'INVALID_ARGUMENT' });
  expect(refused.fields).toContain(field);
});

test('more drafts than 20, or two of one subject, are refused', async () => {
  const drafts = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ subject: `user:u${index}` }));
  const many = await world.ask('CallService/ExplainCall', { ...call, drafts: drafts(21) });
  const twice = { ...call, drafts: [{ subject: 'org' }, { subject: 'org' }] };
  expect((await world.ask('CallService/ExplainCall', { ...call, drafts: drafts(20) })).code).toBe(
    'OK',
  );
  expect(many.fields).toEqual(['drafts']);
  expect((await world.ask('CallService/ExplainCall', twice)).fields).toEqual(['drafts[1].subject']);
});

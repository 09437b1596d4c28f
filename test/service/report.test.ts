import { expect, test } from 'vitest';
import type { ReportCall, SettlePlan, StoredCall } from '../../src/ledger/ledger.ts';
import type { ReportInput } from '../../src/service/data-plane.ts';
import { createReport } from '../../src/service/report.ts';
import { decidedAtMs } from '../support/decide.ts';
import {
  anyGateway,
  inputOf,
  serviceStage,
  storedCall,
  usageOf,
} from '../support/service-stage.ts';
import { viewOf } from '../support/view.ts';
import type { Said } from '../support/view.ts';

const said: Said = {
  teams: [{ id: 'red' }, { id: 'blue' }],
  users: [{ id: 'alice', teams: ['red'] }],
  models: [{ id: 'gpt-4o' }, { id: 'o1' }],
  prices: [
    { subject: 'gpt-4o', perTokens: 1000n, rates: [{ input: 2000n, output: 3000n }] },
    { subject: 'o1', perTokens: 1000n, rates: [{ input: 20_000n, output: 30_000n }] },
  ],
};
const view = viewOf({ ...said, epoch: 1 });

function reportInput(more: Partial<ReportInput> = {}): ReportInput {
  const { subjects, served } = inputOf({});
  const usage = usageOf(10n, 5n);
  const rest = {
    credential: undefined,
    target: undefined,
    partial: false,
    usageUnknown: false,
  };
  return { orgId: 'acme', requestId: 'r1', subjects, served, usage, ...rest, ...more };
}

/** Reports, and gives back the plan that the ledger got for the stored call. */
async function planOf(stored: StoredCall | undefined, input: ReportInput): Promise<SettlePlan> {
  const plans: SettlePlan[] = [];
  const ledger = {
    async report(call: ReportCall) {
      const plan = await call.plan(stored, decidedAtMs, 0);
      plans.push(plan);
      const flags = { overHold: false, late: false, replayed: false, postPaid: false };
      return {
        usage: plan.usage,
        ...flags,
        unattributed: false,
        usageAssumed: false,
        warnings: [],
      };
    },
  };
  const answer = await createReport(serviceStage({ cached: said, ledger }))(input, anyGateway);
  expect(answer).toMatchObject({ orgId: 'acme', requestId: 'r1' });
  const [plan] = plans;
  if (plan === undefined) throw new Error('the ledger was not asked');
  return plan;
}

test('a hold is settled at the price of its target, on the subjects of its Check', async () => {
  const plan = await planOf(storedCall(view, { user: 'alice', input: 10n }), reportInput());
  expect(plan.usage).toMatchObject({ cost: 35n, input: 10n, output: 5n, unpriced: false });
  expect(plan.meters.map(({ name }) => name)).toContain('user:alice');
});

// Seen red: with the stored target priced always, the cost is 35.
test('a Report that names the target that served is settled at the price of that target', async () => {
  const plan = await planOf(storedCall(view, { input: 10n }), reportInput({ target: 'o1' }));
  expect(plan.usage.cost).toBe(350n);
});

// Seen red: without the floor, 10 tokens of input are booked.
test('a partial Report books at least the held input', async () => {
  const stored = storedCall(view, { input: 100n });
  expect((await planOf(stored, reportInput({ partial: true }))).usage.input).toBe(100n);
  expect((await planOf(stored, reportInput())).usage.input).toBe(10n);
});

test('a post-paid Report is booked on its own subjects, at the price of its target', async () => {
  const { subjects } = inputOf({ user: 'alice' });
  const plan = await planOf(undefined, reportInput({ subjects, target: 'o1' }));
  expect(plan.usage.cost).toBe(350n);
  expect(plan.meters.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['user:alice', 'team:red', 'org']),
  );
});

test.each<[field: string, more: Partial<ReportInput>]>([
  ['target', {}],
  ['subjects', { target: 'o1', subjects: inputOf({ user: 'alice', teams: ['blue'] }).subjects }],
  ['credential', { target: 'o1', credential: 'tg_key_unknown' }],
])('a post-paid Report with a wrong %s is invalid, and the error names it', async (field, more) => {
  await expect(planOf(undefined, reportInput(more))).rejects.toMatchObject({
    kind: 'INVALID_ARGUMENT',
    violations: [{ field }],
  });
});

// Seen red: labels and teams left out of what names somebody.
test('a post-paid Report is unattributed if it names neither a subject nor a credential', async () => {
  const of = async (more: Partial<ReportInput>) => {
    const { isUnattributed } = await planOf(undefined, reportInput({ target: 'o1', ...more }));
    return isUnattributed;
  };
  expect(await of({})).toBe(true);
  const named = [
    { teams: ['red'] },
    { user: 'alice' },
    { tier: 'pro' },
    { key: 'k1' },
    { principal: 'p' },
    { app: 'crm' },
    { customer: 'c' },
    { labels: { feature: 'search' } },
  ];
  for (const call of named) expect(await of({ subjects: inputOf(call).subjects })).toBe(false);
  expect(await planOf(storedCall(view, {}), reportInput())).toMatchObject({
    isUnattributed: false,
  });
});

// Seen red: the hold of a denied call booked.
test('usage that is not known is what was held, its input alone, or nothing after a denial', async () => {
  const stored = storedCall(view, { input: 10n, output: 5n, cost: 7n });
  const held = { ...stored, held: { cost: 7n, input: 10n, output: 5n } };
  const unknown = reportInput({ usage: usageOf(0n, 0n), usageUnknown: true });
  expect(await planOf(held, unknown)).toMatchObject({
    isAssumed: true,
    usage: { cost: 7n, input: 10n, output: 5n, unpriced: false, priceRevision: undefined },
  });
  const zero = { cost: 0n, input: 0n, output: 0n, unpriced: false };
  expect((await planOf({ ...held, state: 'DENIED' }, unknown)).usage).toMatchObject(zero);
  await expect(planOf(undefined, { ...unknown, target: 'o1' })).rejects.toMatchObject({
    kind: 'INVALID_ARGUMENT',
    violations: [{ field: 'usage_unknown' }],
  });
});

import type { CallRequest } from '../src/core/call.ts';
import { conclude } from '../src/core/conclude.ts';
import type { OrganizationView } from '../src/core/organization-view.ts';
import { planCheck } from '../src/core/plan-check.ts';
import { windows } from '../src/core/policy.ts';
import { callOf, viewOf } from '../test/support/view.ts';
import type { SaidLimit } from '../test/support/view.ts';
import { totalsOf } from '../test/support/totals.ts';

/**
 * How long the pure core takes for one call, planning and concluding, without a store: `node
 * bench/decide.ts`. Warm means that the path was seen before at this epoch; cold that it never was.
 */
function main(): void {
  const few = fourSubjectsEightLimits();
  const many = twoHundredLimitsEightAncestors();
  print('4 subjects, 8 limits', 'warm', 100_000, warm(few.view, few.requests));
  print(
    '4 subjects, 8 limits',
    'cold',
    300,
    cold(() => fourSubjectsEightLimits()),
  );
  print('10 subjects, 200 limits, 8 ancestors', 'warm', 10_000, warm(many.view, many.requests));
  print('10 subjects, 200 limits, 8 ancestors', 'cold', 500, cold(twoHundredLimitsEightAncestors));
}

interface Subject {
  readonly view: OrganizationView;
  readonly requests: readonly CallRequest[];
}

const price = { subject: 'gpt-4o', rates: [{ input: 2_500_000_000n, output: 10_000_000_000n }] };

const twoLimits: SaidLimit[] = [
  { name: 'daily', metric: 'COST', amount: 10n ** 15n },
  { name: 'rpm', metric: 'REQUESTS', window: 'MINUTE', amount: 10n ** 9n },
];

function fourSubjectsEightLimits(): Subject {
  const users = Array.from({ length: 1_000 }, (_, index) => `user-${index}`);
  const view = viewOf({
    teams: [{ id: 'red' }],
    users: users.map((id) => ({ id, teams: ['red'], tier: 'pro' })),
    keys: [{ id: 'k1' }],
    models: [{ id: 'gpt-4o', provider: 'openai' }],
    prices: [price],
    policies: {
      org: { limits: twoLimits },
      'team:red': { limits: twoLimits },
      'tier:pro': { limits: twoLimits },
      'key:k1': { limits: twoLimits },
    },
  });
  const requests = users.map((user) => callOf({ user, key: 'k1', input: 1_000n, output: 500n }));
  return { view, requests };
}

function twoHundredLimitsEightAncestors(): Subject {
  const teams = Array.from({ length: 9 }, (_, depth) => ({
    id: `team-${depth}`,
    parent: depth === 8 ? undefined : `team-${depth + 1}`,
  }));
  const own = Array.from({ length: 200 }, (_, index): SaidLimit => ({
    name: `limit-${index}`,
    metric: index % 2 === 0 ? 'COST' : 'TOKENS',
    window: windows[index % windows.length],
    amount: 10n ** 15n + BigInt(index),
  }));
  const each: SaidLimit = {
    name: 'each',
    metric: 'REQUESTS',
    amount: 10n ** 9n,
    for: { kind: 'USER' },
  };
  const view = viewOf({
    teams,
    users: [{ id: 'alice', teams: ['team-0'] }],
    models: [{ id: 'gpt-4o' }],
    prices: [price],
    policies: {
      'user:alice': { limits: own },
      ...Object.fromEntries(teams.map(({ id }) => [`team:${id}`, { limits: [each] }])),
    },
  });
  return { view, requests: [callOf({ user: 'alice', input: 1_000n, output: 500n })] };
}

const nowMs = Date.UTC(2026, 2, 10, 9);
const spent = { usedCost: 1_000n, usedInput: 1_000n, usedRequests: 7n, heldCost: 500n };
let allowed = 0;

function decide(view: OrganizationView, request: CallRequest): void {
  const plan = planCheck(view, request, nowMs);
  const totals = totalsOf(plan.meters, { org: spent });
  const outcome = conclude(plan, totals, nowMs, nowMs + 600_000);
  if (outcome.decision === 'ALLOW') allowed += 1;
}

function warm(view: OrganizationView, requests: readonly CallRequest[]): (times: number) => number {
  return (times) => {
    const started = performance.now();
    for (let done = 0; done < times; done += 1) {
      const request = requests[done % requests.length];
      if (request !== undefined) decide(view, request);
    }
    return performance.now() - started;
  };
}

function cold(make: () => Subject): (times: number) => number {
  return (times) => {
    let total = 0;
    for (let done = 0; done < times; done += 1) {
      const { view, requests } = make();
      const [request] = requests;
      if (request === undefined) continue;
      const started = performance.now();
      decide(view, request);
      total += performance.now() - started;
    }
    return total;
  };
}

function print(what: string, how: string, times: number, run: (times: number) => number): void {
  run(Math.ceil(times / 5));
  const perCallUs = (1_000 * run(times)) / times;
  console.log(`${what.padEnd(40)} ${how}  ${perCallUs.toFixed(1)} us per call`);
}

main();
if (allowed === 0) throw new Error('nothing was decided');

import { afterAll, beforeAll, expect, test } from 'vitest';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import { Decision, Reason } from '../../gen/tollgate/v1/outcome_pb.ts';
import type { Outcome } from '../../gen/tollgate/v1/outcome_pb.ts';
import type { UnaryClient } from '../../src/client/unary-client.ts';
import { orgSubject } from '../../src/core/subject.ts';
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
import { createRandom } from '../support/random.ts';
import { startServerProcess } from '../support/server-process.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { differencesOf } from '../support/verified.ts';

/*
 * Planted once, and seen red: a limit that admits up to its amount plus one, and an ask that is to be added after
 * its decision and is not.
 */
const { check, extend, report, release } = DecisionService.method;
const random = createRandom();
const steps = 300;
/** Two worlds: one where money is short, one where requests are; slots are in both. */
const worlds = [
  { orgId: 'poor', org: 240, user: 100, requests: 30, slots: 4, runsInto: Reason.COST_EXCEEDED },
  {
    orgId: 'slow',
    org: 2400,
    user: 1000,
    requests: 8,
    slots: 4,
    runsInto: Reason.REQUESTS_EXCEEDED,
  },
] as const;
type World = (typeof worlds)[number];
let database: TestDatabase;
let servers: ServerProcess[];

beforeAll(async () => {
  database = await createTestDatabase();
  await createGateway(database.pool);
  servers = await Promise.all([
    startServerProcess(database.url, gatewayToken),
    startServerProcess(database.url, gatewayToken),
  ]);
  for (const world of worlds) await createWorld(world);
});

afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  await database.drop();
});

async function createWorld({ orgId, org, user, requests, slots }: World): Promise<void> {
  const store = policyStoreOf(database.pool, Date.now);
  const each = { for: { kind: 'USER' } } as const;
  await store.createOrganization(plainOrganization(orgId), anyChange);
  await putLimits(store, orgId, orgSubject, [
    blockLimit('all', 'COST', 'LIFETIME', BigInt(org)),
    blockLimit('slots', 'CONCURRENCY', undefined, BigInt(slots)),
    blockLimit('each', 'COST', 'LIFETIME', BigInt(user), each),
    blockLimit('often', 'REQUESTS', 'LIFETIME', BigInt(requests), each),
  ]);
}

/** A call as the model knows it. */
interface Modelled {
  readonly world: World;
  readonly requestId: string;
  readonly user: string;
  held: number;
  used: number;
  requests: number;
  isOpen: boolean;
  sequence: number;
}

let calls: Modelled[] = [];
const seen = new Set<Reason>();

function sum(of: readonly Modelled[], number: (call: Modelled) => number): number {
  return of.reduce((total, call) => total + number(call), 0);
}

const spend = (call: Modelled): number => call.used + (call.isOpen ? call.held : 0);

/** Why a cost, beside a request and a slot if `isNew`, is refused; in order of precedence. */
function refusals(budgets: World, user: string, cost: number, isNew: boolean): Reason[] {
  const mine = calls.filter((call) => call.user === user);
  const found: Reason[] = [];
  if (isNew && calls.filter((call) => call.isOpen).length >= budgets.slots) {
    found.push(Reason.CONCURRENCY_EXCEEDED);
  }
  if (isNew && sum(mine, (call) => call.requests) >= budgets.requests) {
    found.push(Reason.REQUESTS_EXCEEDED);
  }
  const isSpent = sum(calls, spend) + cost > budgets.org || sum(mine, spend) + cost > budgets.user;
  if (cost > 0 && isSpent) found.push(Reason.COST_EXCEEDED);
  return found;
}

function client(): UnaryClient {
  const server = servers[random.between(0, servers.length - 1)];
  if (server === undefined) throw new Error('no server');
  return server.client;
}

/** Whether the service decided as the model does; true if it allowed. */
function agreed(step: number, outcome: Outcome | undefined, reasons: readonly Reason[]): boolean {
  const decision = reasons.length === 0 ? Decision.ALLOW : Decision.DENY;
  expect([step, outcome?.decision, outcome?.reasons]).toEqual([step, decision, reasons]);
  for (const reason of reasons) seen.add(reason);
  return decision === Decision.ALLOW;
}

async function checkOne(step: number, world: World): Promise<void> {
  const [user, cost] = [random.pick(['alice', 'bob', 'carol']), random.between(0, 15)];
  const reasons = refusals(world, user, cost, true);
  const requestId = `r${step}`;
  const { outcome } = await client().call(check, {
    orgId: world.orgId,
    requestId,
    subjects: { user },
    target: 'gpt-4o',
    estimate: { costNanos: BigInt(cost), inputTokens: 1n, outputTokens: 1n },
  });
  if (!agreed(step, outcome, reasons)) return;
  calls.push({
    world,
    requestId,
    user,
    held: cost,
    used: 0,
    requests: 1,
    isOpen: true,
    sequence: 0,
  });
}

async function extendOne(step: number, call: Modelled): Promise<void> {
  const cost = random.between(0, 20);
  const reasons = refusals(call.world, call.user, cost, false);
  call.sequence += 1;
  const { requestId, sequence } = call;
  const { orgId } = call.world;
  const added = { costNanos: BigInt(cost) };
  const { outcome } = await client().call(extend, { orgId, requestId, sequence, added });
  if (agreed(step, outcome, reasons)) call.held += cost;
}

async function reportOne(step: number, call: Modelled): Promise<void> {
  const cost = random.between(0, 3) === 0 ? random.between(0, 40) : random.between(0, 6);
  const { requestId } = call;
  const { orgId } = call.world;
  const usage = { costNanos: BigInt(cost), inputTokens: 1n, outputTokens: 1n };
  const answer = await client().call(report, { orgId, requestId, usage });
  expect([step, answer.costNanos, answer.overHold]).toEqual([step, BigInt(cost), cost > call.held]);
  Object.assign(call, { isOpen: false, used: cost });
}

async function releaseOne(call: Modelled): Promise<void> {
  const { requestId } = call;
  const { orgId } = call.world;
  await client().call(release, { orgId, requestId });
  Object.assign(call, { isOpen: false, requests: 0 });
}

test.each(worlds)(
  'in the world $orgId every decision is the one that a model takes',
  async (world) => {
    calls = [];
    seen.clear();
    for (let step = 0; step < steps; step += 1) {
      const open = calls.filter((call) => call.isOpen);
      const one = open[random.between(0, Math.max(0, open.length - 1))];
      const what = random.between(0, 9);
      if (one === undefined || what < 5) await checkOne(step, world);
      else if (what < 6) await extendOne(step, one);
      else if (what < 8) await reportOne(step, one);
      else await releaseOne(one);
    }
    expect([...seen]).toContain(world.runsInto);
    expect(await differencesOf(database.pool, world.orgId)).toEqual([]);
    const { rows } = await database.pool.query(
      `SELECT (lifetime_used_cost + lifetime_held_cost)::int AS spend, in_flight::int FROM meter
  WHERE org_id = $1 AND meter_id = 'org'`,
      [world.orgId],
    );
    const inFlight = calls.filter((call) => call.isOpen).length;
    expect(rows).toEqual([{ spend: sum(calls, spend), in_flight: inFlight }]);
  },
);

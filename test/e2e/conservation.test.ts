import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import { Decision } from '../../gen/tollgate/v1/outcome_pb.ts';
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
import { retryDelayMs } from '../support/retry-delay.ts';
import { startServerProcess } from '../support/server-process.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { differencesOf } from '../support/verified.ts';

/*
 * Planted once each, and seen red: a settlement that books what was used and forgets to give the hold back; a Release that
 * gives back one request whatever the weight; a correction of a charge that books all units again.
 */
const { check, extend, report, release } = DecisionService.method;
const orgIds = ['giving', 'charging'] as const;
const random = createRandom();
const callers = 24;
const callsEach = 14;
let database: TestDatabase;
let servers: ServerProcess[];

const start = (): Promise<ServerProcess> =>
  startServerProcess(database.url, gatewayToken, { TOLLGATE_EXPIRY_INTERVAL: '50ms' });

beforeAll(async () => {
  database = await createTestDatabase();
  await createGateway(database.pool);
  servers = await Promise.all([start(), start()]);
  const store = policyStoreOf(database.pool, Date.now);
  for (const id of orgIds) {
    const onExpiry = id === 'charging' ? 'CHARGE' : 'RELEASE';
    await store.createOrganization(plainOrganization(id, { onExpiry }), anyChange);
    const team = { id: 'red', displayName: '', parent: undefined, state: 'ACTIVE' as const };
    await store.put(id, 'team', team, anyChange);
    await putLimits(store, id, { kind: 'team', id: 'red' }, [
      blockLimit('each', 'TOKENS', 'HOUR', 1_000_000n, { for: { kind: 'USER' } }),
    ]);
    await putLimits(store, id, orgSubject, [
      blockLimit('cap', 'COST', 'MONTH', 1_000_000n),
      blockLimit('dear', 'COST', 'MINUTE', 1_000_000n, { targets: ['gpt-5'] }),
    ]);
  }
});

afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  await database.drop();
});

/** Costs, tokens and units of one call, as a client that keeps books would. */
interface Amounts {
  readonly cost: number;
  readonly tokens: number;
  readonly images: number;
}

/** A call as the model knows it: its hold, and what was booked for it. */
interface Modelled {
  readonly orgId: (typeof orgIds)[number];
  readonly requestId: string;
  held: Amounts;
  state: 'OPEN' | 'EXPIRING' | 'RELEASED' | 'SETTLED';
  used: Amounts;
  /** How many requests it counts as. */
  readonly weight: number;
  requests: number;
}

const nothing: Amounts = { cost: 0, tokens: 0, images: 0 };
const calls: Modelled[] = [];

/** Some amounts by chance, and how a request says them. */
function amounts(): { amounts: Amounts; said: Said } {
  const [cost, input, output] = [1, 2, 3].map(() => random.between(0, 40)) as [
    number,
    number,
    number,
  ];
  const images = random.pick([0, 0, 1, 3]);
  const said = {
    units: { image: BigInt(images) },
    costNanos: BigInt(cost),
    inputTokens: BigInt(input + 1),
    outputTokens: BigInt(output),
  };
  return { amounts: { cost, tokens: input + 1 + output, images }, said };
}

interface Said {
  readonly units: Record<string, bigint>;
  readonly costNanos: bigint;
  readonly inputTokens: bigint;
  readonly outputTokens: bigint;
}

/** Sends a request until it is answered, as the contract says: with the same id, at the other process. */
async function answered<Answer>(
  request: (client: UnaryClient) => Promise<Answer>,
  from: number,
): Promise<Answer> {
  for (let at = from; ; at += 1) {
    const server = servers[at % servers.length];
    if (server === undefined) throw new Error('no server');
    try {
      return await request(server.client);
    } catch (error) {
      await delay(retryDelayMs(error));
    }
  }
}

/** Sends a request once to thrice in parallel; all answers are one. */
async function send<Answer extends { readonly replayed: boolean }>(
  request: (client: UnaryClient) => Promise<Answer>,
): Promise<Answer> {
  const from = random.between(0, 1);
  const times = random.pick([1, 1, 2, 3]);
  const sent = Array.from({ length: times }, (_, at) => answered(request, from + at));
  const [first, ...others] = await Promise.all(sent);
  if (first === undefined) throw new Error('nothing was sent');
  // A short hold may have expired between two answers.
  const lasting = (answer: Answer): object => ({ ...answer, replayed: false, holdState: 0 });
  for (const other of others) expect(lasting(other)).toEqual(lasting(first));
  return first;
}

/** One call from its Check to whatever end. */
async function live(requestId: string): Promise<void> {
  const orgId = random.pick(orgIds);
  const named = { orgId, requestId };
  const subjects = {
    user: random.pick(['alice', 'bob', 'carol']),
    teams: random.pick([[], ['red']]),
  };
  const asked = { ...named, subjects, target: random.pick(['gpt-4o', 'gpt-5']) };
  const weight = random.pick([1, 1, 2, 70]);
  const requests = BigInt(weight);
  const begun = { held: nothing, state: 'OPEN', used: nothing, weight, requests: weight } as const;
  const call: Modelled = { ...named, ...begun };
  calls.push(call);
  if (random.between(0, 9) === 0) return settle(call, { ...asked, requests });
  const isShort = random.between(0, 3) === 0;
  const hold = amounts();
  const ttl = isShort ? { nanos: 200_000_000 } : { seconds: 600n };
  const { outcome } = await send((client) =>
    client.call(check, { ...asked, estimate: { ...hold.said, requests }, ttl }),
  );
  expect([requestId, outcome?.decision]).toEqual([requestId, Decision.ALLOW]);
  expect(outcome?.heldCostNanos).toBe(BigInt(hold.amounts.cost));
  call.held = hold.amounts;
  if (isShort) {
    call.state = 'EXPIRING';
    return;
  }
  const extends_ = random.between(0, 2);
  for (let sequence = 1; sequence <= extends_; sequence += 1) await prolong(call, sequence);
  await random.pick([settle, settle, giveBack, giveBackThenSettle, keepOpen])(call, named);
}

async function prolong(call: Modelled, sequence: number): Promise<void> {
  const { orgId, requestId, held } = call;
  const more = amounts();
  const { outcome } = await send((client) =>
    client.call(extend, { orgId, requestId, sequence, added: more.said }),
  );
  expect([requestId, outcome?.decision]).toEqual([requestId, Decision.ALLOW]);
  const { cost, tokens, images } = more.amounts;
  call.held = {
    cost: held.cost + cost,
    tokens: held.tokens + tokens,
    images: held.images + images,
  };
}

/** Reports; the model says what the answer is. */
async function settle(
  call: Modelled,
  named: { readonly orgId: string; readonly requestId: string; readonly requests?: bigint },
): Promise<void> {
  const use = amounts();
  const answer = await send((client) => client.call(report, { ...named, usage: use.said }));
  const { cost, tokens, images } = use.amounts;
  expect(answer.units).toEqual(images === 0 ? {} : { image: BigInt(images) });
  const isKnown = call.held !== nothing;
  expect([call.requestId, answer.costNanos, answer.overHold, answer.late]).toEqual([
    call.requestId,
    BigInt(cost),
    isKnown && (cost > call.held.cost || tokens > call.held.tokens),
    call.state !== 'OPEN',
  ]);
  Object.assign(call, { state: 'SETTLED', used: use.amounts, requests: call.weight });
}

async function giveBack(call: Modelled): Promise<void> {
  const { orgId, requestId } = call;
  await send((client) => client.call(release, { orgId, requestId }));
  Object.assign(call, { state: 'RELEASED', requests: 0 });
}

async function giveBackThenSettle(
  call: Modelled,
  named: { readonly orgId: string; readonly requestId: string },
): Promise<void> {
  await giveBack(call);
  await settle(call, named);
}

async function keepOpen(): Promise<void> {
  // The gateway never comes back; the hold stays open for longer than the test.
}

async function openShortHolds(): Promise<number> {
  const { rows } = await database.pool.query<{ open: number }>(
    `SELECT count(*)::int AS open FROM call WHERE state = 'OPEN' AND expires_at - booked_at < 1000`,
  );
  return rows[0]?.open ?? -1;
}

/** Meters that are not what usage and open holds add up to, of two windows, by plain SQL. */
async function unbalanced(): Promise<unknown[]> {
  const sums = ['lifetime', 'month'].map((window) => {
    const since = window === 'lifetime' ? '0' : `m.${window}_start`;
    const used = `FROM usage u WHERE u.org_id = m.org_id AND m.meter_id = ANY (u.subjects) AND u.booked_at >= ${since}`;
    const open = `FROM call c WHERE c.org_id = m.org_id AND m.meter_id = ANY (c.subjects) AND c.state = 'OPEN' AND c.booked_at >= ${since}`;
    return `m.${window}_used_cost <> (SELECT coalesce(sum(cost), 0) ${used})
  OR m.${window}_held_cost <> (SELECT coalesce(sum(held_cost), 0) ${open})
  OR m.${window}_used_requests <> (SELECT coalesce(sum(requests), 0) ${used}) + (SELECT coalesce(sum(requests), 0) ${open})
  OR m.in_flight <> (SELECT count(*) ${open})`;
  });
  const { rows } = await database.pool.query<{ meter_id: string }>(
    `SELECT m.* FROM meter m WHERE m.meter_id NOT LIKE '%@%' AND (${sums.join(' OR ')})`,
  );
  return rows;
}

/** What the model says of an organization's own meter. */
function expectedOf(orgId: string): Record<string, number> {
  const mine = calls.filter((call) => call.orgId === orgId);
  const open = mine.filter((call) => call.state === 'OPEN');
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
  return {
    used: sum(mine.map((call) => call.used.cost)),
    held: sum(open.map((call) => call.held.cost)),
    requests: sum(mine.map((call) => call.requests)),
    in_flight: open.length,
    images: sum(mine.map((call) => call.used.images)),
  };
}

test('whatever clients do while a process dies, every meter is what the ledger adds up to', async () => {
  let next = 0;
  const killAt = random.between(callers, (callers * callsEach) / 2);
  let restarted = Promise.resolve();
  const caller = async (): Promise<void> => {
    while (next < callers * callsEach) {
      next += 1;
      if (next === killAt) restarted = restart();
      await live(`r${next}`);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  await restarted;
  await expect.poll(openShortHolds, { timeout: 10_000 }).toBe(0);
  for (const call of calls.filter(({ state }) => state === 'EXPIRING')) {
    if (random.between(0, 1) === 0)
      await settle(call, { orgId: call.orgId, requestId: call.requestId });
    else if (call.orgId === 'charging') call.used = call.held;
  }
  for (const orgId of orgIds) {
    expect(await differencesOf(database.pool, orgId)).toEqual([]);
    const { rows } = await database.pool.query(
      `SELECT lifetime_used_cost::int AS used, lifetime_held_cost::int AS held,
  lifetime_used_requests::int AS requests, in_flight::int,
  (SELECT coalesce(sum((units->>'image')::int), 0)::int FROM usage WHERE org_id = $1) AS images FROM meter
  WHERE org_id = $1 AND meter_id = 'org'`,
      [orgId],
    );
    expect(rows).toEqual([expectedOf(orgId)]);
  }
  expect(await unbalanced()).toEqual([]);
});

async function restart(): Promise<void> {
  await servers[1]?.kill();
  servers[1] = await start();
}

import { status } from '@grpc/grpc-js';
import type { Message, MessageInitShape } from '@bufbuild/protobuf';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import { orgSubject } from '../../src/core/subject.ts';
import { errorDetails } from '../../src/client/error-details.ts';
import type { UnaryClient } from '../../src/client/unary-client.ts';
import { refusal } from '../support/data-server.ts';
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
import { startServerProcess } from '../support/server-process.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { differencesOf } from '../support/verified.ts';

/*
 * Planted once, and seen red: a Check that does not look whether its version of the call is still the one
 * in the database (`walkOne`), and an Extend that judges its number by what the process remembers.
 */
const { check, extend, report, release } = DecisionService.method;
const orgId = 'same';
let database: TestDatabase;
let servers: ServerProcess[];

const start = (): Promise<ServerProcess> => startServerProcess(database.url, gatewayToken);

beforeAll(async () => {
  database = await createTestDatabase();
  await createGateway(database.pool);
  servers = await Promise.all([start(), start()]);
  const store = policyStoreOf(database.pool, Date.now);
  await store.createOrganization(plainOrganization(orgId), anyChange);
  await putLimits(store, orgId, orgSubject, [blockLimit('cap', 'COST', 'MONTH', 1_000_000n)]);
});

afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  await database.drop();
});

type CheckInit = Exclude<MessageInitShape<typeof check.input>, Message>;

/** A request as it is repeated, with its first answer. */
interface Sent {
  readonly again: () => Promise<unknown>;
  readonly first: unknown;
}

/** Sends a request `times` in parallel, turn by turn to both processes: one effect, one answer. */
async function send(
  request: (client: UnaryClient) => Promise<{ readonly replayed: boolean }>,
  times: number,
  from = 0,
): Promise<Sent> {
  const call = async (at: number): Promise<{ readonly replayed: boolean }> =>
    request(serverAt(from + at).client);
  const answers = await Promise.all(Array.from({ length: times }, (_, at) => call(at)));
  expect(answers.filter((answer) => !answer.replayed)).toHaveLength(1);
  // What has become of the hold is not of the first answer.
  const asRepeat = (answer: object) => ({ ...answer, replayed: true, holdState: undefined });
  const [first, ...others] = answers.map(asRepeat);
  for (const other of others) expect(other).toEqual(first);
  return { first, again: async () => ({ ...(await call(1)), holdState: undefined }) };
}

function serverAt(at: number): ServerProcess {
  const server = servers[at % servers.length];
  if (server === undefined) throw new Error('no server');
  return server;
}

test('a call sent 1 to 5 times, in parallel and after a restart, has one effect and one answer', async () => {
  const sent: Sent[] = [];
  for (let number = 0; number < 30; number += 1) {
    const times = (number % 5) + 1;
    const named = { orgId, requestId: `r${number}` };
    const asked = { subjects: { user: 'alice' }, target: 'gpt-4o', estimate: { costNanos: 7n } };
    sent.push(await send((client) => client.call(check, { ...named, ...asked }), times));
    for (let sequence = 1; sequence <= number % 4; sequence += 1) {
      // Alternately first at one and at the other process, so that each remembers less than there is.
      const more = { ...named, sequence, added: { costNanos: 3n } };
      sent.push(await send((client) => client.call(extend, more), times, sequence));
    }
    const used = { ...named, usage: { costNanos: 5n } };
    const closing =
      number % 3 === 0
        ? (client: UnaryClient) => client.call(release, named)
        : (client: UnaryClient) => client.call(report, used);
    sent.push(await send(closing, times));
  }
  await servers[0]?.stop();
  servers[0] = await start();
  for (const { first, again } of sent) expect(await again()).toEqual(first);
  expect(await differencesOf(database.pool, orgId)).toEqual([]);
  const { rows } = await database.pool.query(
    `SELECT lifetime_used_cost::int AS used, lifetime_held_cost::int AS held, in_flight::int,
  lifetime_used_requests::int AS requests FROM meter WHERE org_id = $1 AND meter_id = 'user:alice'`,
    [orgId],
  );
  expect(rows).toEqual([{ used: 100, held: 0, in_flight: 0, requests: 20 }]);
});

test('a repeat with another content is a conflict that names the field, on either process', async () => {
  const [one, two] = [serverAt(0), serverAt(1)];
  const named = { orgId, requestId: 'taken' };
  const asked = { ...named, target: 'gpt-4o', estimate: { costNanos: 7n } };
  await one.client.call(check, asked);
  await one.client.call(extend, { ...named, sequence: 1, added: { costNanos: 1n } });
  const used = { ...named, usage: { costNanos: 5n } };
  for (const { client } of [one, two]) {
    const field = (request: Partial<CheckInit>): Promise<string | undefined> =>
      conflictOf(client.call(check, { ...asked, ...request }));
    expect(await field({ target: 'gpt-5' })).toBe('target');
    expect(await field({ estimate: { costNanos: 8n } })).toBe('estimate.cost_nanos');
    expect(await field({ subjects: { user: 'bob' } })).toBe('subjects.user');
    expect(await field({ ttl: { seconds: 9n } })).toBe('ttl');
    const extended = client.call(extend, { ...named, sequence: 1, added: {} });
    expect(await conflictOf(extended)).toBe('added.cost_nanos');
  }
  await one.client.call(report, used);
  for (const { client } of [one, two]) {
    const other = client.call(report, { ...used, usage: { costNanos: 6n } });
    expect(await conflictOf(other)).toBe('usage.cost_nanos');
    expect(await conflictOf(client.call(report, { ...used, target: 'gpt-5' }))).toBe('target');
    expect(await conflictOf(client.call(report, { ...used, partial: true }))).toBe('partial');
    const error = await refusal(client.call(release, named));
    expect(errorDetails(error).reason).toBe('HOLD_NOT_OPEN');
  }
  await one.client.call(report, { ...used, requestId: 'post-paid', target: 'gpt-4o' });
  const late = two.client.call(check, { ...asked, requestId: 'post-paid' });
  expect(await conflictOf(late)).toBe('request_id');
  expect(await differencesOf(database.pool, orgId)).toEqual([]);
});

/** The field that the error of a refused repeat names. */
async function conflictOf(call: Promise<unknown>): Promise<string | undefined> {
  const error = await refusal(call);
  const { reason, violations } = errorDetails(error);
  expect([error.code, reason]).toEqual([status.ALREADY_EXISTS, 'REQUEST_ID_CONFLICT']);
  return violations[0]?.field;
}

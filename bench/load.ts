/**
 * The load generator, a process of its own: a closed loop of calls over one gRPC connection. Its argument is a
 * JSON `LoadOrder`; it prints one JSON `LoadResult`.
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Client, Metadata, credentials } from '@grpc/grpc-js';
import {
  CheckRequestSchema,
  CheckResponseSchema,
  ExplainRequestSchema,
  ReportRequestSchema,
} from '../gen/tollgate/v1/decision_pb.ts';
import { Decision } from '../gen/tollgate/v1/outcome_pb.ts';
import { fullKeySecret, fullSubjects } from './full-scene.ts';
import { benchUsers } from './scene.ts';

/** What to send where. */
export interface LoadOrder {
  readonly address: string;
  readonly token: string;
  readonly kind: 'check' | 'pair' | 'replay' | 'deny' | 'explain' | 'full' | 'flood';
  readonly orgIds: readonly string[];
  readonly inFlight: number;
  readonly seconds: number;
  /** Distinct users; a thousand unless the order is to fill memory. */
  readonly users?: number;
  /** Calls sent by the runs before this one: it goes on with the users after theirs. */
  readonly offset?: number;
}

/** What came of it; a pair is one call here. */
export interface LoadResult {
  /** Calls, those of the warm-up included. */
  readonly sent: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const service = '/tollgate.v1.DecisionService';
const order = JSON.parse(process.argv[2] ?? '{}') as LoadOrder;
const client = new Client(order.address, credentials.createInsecure());
const metadata = new Metadata();
metadata.set('authorization', `Bearer ${order.token}`);

function call(method: string, request: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      `${service}/${method}`,
      (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      (bytes: Buffer): Uint8Array => bytes,
      request,
      metadata,
      (error, response) => {
        if (error !== null || response === undefined) reject(error ?? new Error('no answer'));
        else resolve(response);
      },
    );
  });
}

const run = Date.now().toString(36);
const users = order.users ?? benchUsers;
const offset = order.offset ?? 0;

function aboutCall(number: number) {
  return {
    orgId: order.orgIds[number % order.orgIds.length] ?? '',
    ...presented(number),
    target: 'gpt-4o',
    estimate: { inputTokens: 1000n, outputTokens: 500n },
  };
}

/** Who calls: in the full model with a key; in a flood with a secret that nobody knows, each time another. */
function presented(number: number) {
  const user = `user-${((offset + number) * 7919) % users}`;
  if (order.kind === 'full') {
    return {
      credential: fullKeySecret,
      subjects: { user, ...fullSubjects, teams: [...fullSubjects.teams] },
    };
  }
  const subjects = { user, teams: ['red'], app: 'crm', labels: {} };
  return order.kind === 'flood'
    ? { credential: `tg_key_${run}_${number}`, subjects }
    : { subjects };
}

async function one(counted: number): Promise<void> {
  // Replays walk round sixty-four calls, each of which was new once.
  const number = order.kind === 'replay' ? counted % 64 : counted;
  const requestId = `${run}-${number}`;
  if (order.kind === 'explain') {
    await call(
      'Explain',
      toBinary(ExplainRequestSchema, create(ExplainRequestSchema, aboutCall(number))),
    );
    return;
  }
  const request = create(CheckRequestSchema, { ...aboutCall(number), requestId });
  const answer = await call('Check', toBinary(CheckRequestSchema, request));
  if (counted % 100 === 0)
    expectDecision(fromBinary(CheckResponseSchema, answer).outcome?.decision);
  if (order.kind !== 'pair') return;
  const { orgId } = aboutCall(number);
  const report = { orgId, requestId, usage: { inputTokens: 1000n, outputTokens: 300n } };
  await call('Report', toBinary(ReportRequestSchema, create(ReportRequestSchema, report)));
}

function expectDecision(decision: Decision | undefined): void {
  const isRefused = order.kind === 'deny' || order.kind === 'flood';
  const expected = isRefused ? Decision.DENY : Decision.ALLOW;
  if (decision !== expected) throw new Error(`answered ${decision}, expected ${expected}`);
}

let sent = 0;
const latenciesMs: number[] = [];

async function loop(untilMs: number, record: boolean): Promise<void> {
  while (performance.now() < untilMs) {
    const startedMs = performance.now();
    sent += 1;
    await one(sent);
    if (record) latenciesMs.push(performance.now() - startedMs);
  }
}

async function phase(seconds: number, record: boolean): Promise<number> {
  const startedMs = performance.now();
  const untilMs = startedMs + seconds * 1000;
  await Promise.all(Array.from({ length: order.inFlight }, () => loop(untilMs, record)));
  return (performance.now() - startedMs) / 1000;
}

await phase(1, false);
const seconds = await phase(order.seconds, true);
const sorted = Float64Array.from(latenciesMs).toSorted();
const at = (share: number): number =>
  Math.round((sorted[Math.floor(sorted.length * share)] ?? 0) * 1000) / 1000;
const result: LoadResult = {
  sent,
  perSecond: Math.round(sorted.length / seconds),
  p50Ms: at(0.5),
  p99Ms: at(0.99),
};
process.stdout.write(`${JSON.stringify(result)}\n`);
client.close();

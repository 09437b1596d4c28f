import { fromBinary } from '@bufbuild/protobuf';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import {
  BadRequestSchema,
  ErrorInfoSchema,
  PreconditionFailureSchema,
} from '../../gen/google/rpc/error_details_pb.ts';
import { createMetricsHandler } from '../../src/admin/http/metrics-handler.ts';
import { startAdminServer } from '../../src/admin/server.ts';
import type { AdminServer, AdminServerParts } from '../../src/admin/server.ts';
import { createPgAccounts } from '../../src/auth/pg-accounts.ts';
import { createConnectionMetrics } from '../../src/connections/connection-metrics.ts';
import { createPgAuditTrail } from '../../src/audit/pg-audit-trail.ts';
import { createFailedSignIns } from '../../src/connections/failed-sign-ins.ts';
import { storeFailure } from '../../src/db/errors.ts';
import { createPgCalls } from '../../src/ledger/calls/pg-calls.ts';
import { createPgEvents } from '../../src/ledger/events/pg-events.ts';
import { createGatedReads } from '../../src/ledger/gated-reads.ts';
import { createFairSemaphore } from '../../src/platform/fair-semaphore.ts';
import { createRpcMetrics } from '../../src/platform/rpc-metrics.ts';
import { createCachedPolicies } from '../../src/policies/cache/cached-policies.ts';
import { createCallFeed } from '../../src/service/admin/call-feed.ts';
import { createCountEvents } from '../../src/service/admin/count-events.ts';
import { createExplainCall } from '../../src/service/admin/explain-call.ts';
import type { PolicyStore } from '../../src/policies/policy-store.ts';
import type { Account } from '../../src/service/auth.ts';
import type { Role } from '../../src/service/caller.ts';
import { createTestDatabase } from './database.ts';
import type { TestDatabase } from './database.ts';
import { policyStoreOf } from './organization.ts';
import { policyReadsOf } from './policy-reads.ts';
import { usagePartsOf } from './usage-parts.ts';

/** 2026-03-10T09:00:00Z. */
export const nowMs = 1_773_133_200_000;

const accounts: Readonly<Record<string, Account>> = {
  root: accountOf('root', 'platform_admin'),
  acme: accountOf('acme-admin', 'org_admin', 'acme'),
  viewer: accountOf('acme-viewer', 'org_viewer', 'acme'),
  two: accountOf('two-admin', 'org_admin', 'acme', 'initech'),
};

function accountOf(name: string, role: Role, ...orgIds: string[]): Account {
  return { name, grants: [{ role, orgIds: orgIds.length === 0 ? undefined : new Set(orgIds) }] };
}

/** A message as JSON. */
export type Json = Readonly<Record<string, unknown>>;

/** An answer of Connect JSON: the message, or what the error says. */
export interface Answer {
  readonly status: number;
  /** `OK`, or the code in upper case. */
  readonly code: string;
  readonly reason: string | undefined;
  /** Of ErrorInfo. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly fields: readonly string[];
  /** What must change first: subject and description. */
  readonly preconditions: readonly string[];
  readonly body: Json;
}

/** An admin plane over a database of its own. */
export interface AdminPlane {
  readonly url: string;
  readonly server: AdminServer;
  readonly database: TestDatabase;
  readonly store: PolicyStore;
  readonly metrics: Registry;
  /** The organizations whose holds were swept; undefined is all. */
  readonly swept: readonly (string | undefined)[];
  /** The log lines written so far, parsed. */
  readonly logged: readonly Json[];
  /** `PolicyService/UpdatePolicy` as somebody: `root`, `acme`, `viewer`, or any other secret; by default root. */
  call(rpc: string, message: unknown, secret?: string): Promise<Answer>;
  stop(): Promise<void>;
}

/** Starts one on a free port. */
export async function startAdminPlane(more: Partial<AdminServerParts> = {}): Promise<AdminPlane> {
  const database = await createTestDatabase();
  const clock = { nowMs: () => nowMs };
  const store = policyStoreOf(database.pool, clock.nowMs);
  const swept: (string | undefined)[] = [];
  const logged: Json[] = [];
  const metrics = new Registry();
  const log = pino({ level: 'debug' }, { write: (line: string) => logged.push(JSON.parse(line)) });
  const read = createGatedReads({
    pool: database.pool,
    monotonicMs: () => performance.now(),
    gate: createFairSemaphore({ most: 4 }),
    failure: storeFailure,
  });
  const events = createPgEvents(read);
  const calls = createPgCalls(read);
  const server = await startAdminServer({
    store,
    accounts: createPgAccounts(database.pool),
    events: { events, countEvents: createCountEvents({ store, events, clock }) },
    calls: {
      calls,
      feed: createCallFeed({ calls, clock }),
      explainCall: createExplainCall({
        store,
        policies: createCachedPolicies({ pool: database.pool, perOrganization: false }),
        ledger: {
          compare: async (_orgId, plans) => {
            await plans(0, nowMs);
            throw new Error('there is no ledger here');
          },
        },
      }),
    },
    auditTrail: createPgAuditTrail(database.pool),
    clock,
    usage: usagePartsOf(database.pool, store, clock.nowMs),
    policyReads: policyReadsOf(database.pool, () => nowMs),
    expireHolds: (orgId) => {
      swept.push(orgId);
      return Promise.resolve(3);
    },
    access: { authenticate: (secret) => accounts[secret], identify: () => undefined },
    log,
    failedSignIns: createFailedSignIns({ registry: metrics, log }),
    metrics: createMetricsHandler({
      registry: metrics,
      token: undefined,
      maxAgeMs: 0,
      lingerMs: 1000,
    }),
    rpcMetrics: createRpcMetrics(metrics),
    connectionMetrics: createConnectionMetrics(metrics)('admin'),
    maxConnections: 1000,
    maxPeerConnections: 1000,
    greetingTimeoutMs: 10_000,
    // Tests call without a secret, or read metrics, as fast as they can.
    strangerCalls: 10_000,
    maxUnreadBytes: 64 * 1024 * 1024,
    maxCallerCalls: 100,
    maxStreams: 1000,
    timeoutMs: 10_000,
    host: '127.0.0.1',
    port: 0,
    tls: undefined,
    maxMessageBytes: 64 * 1024,
    ...more,
  });
  const url = `http://127.0.0.1:${server.port}`;
  return {
    url,
    server,
    database,
    store,
    metrics,
    swept,
    logged,
    call: (rpc, message, secret = 'root') => post(url, rpc, JSON.stringify(message), secret),
    async stop() {
      await server.close(0);
      await database.drop();
    },
  };
}

/** Sends a body as Connect JSON, whatever it is. The body of a stream's answer has its `messages`. */
export async function post(
  url: string,
  rpc: string,
  body: string,
  secret: string | undefined,
): Promise<Answer> {
  const authorization = secret === undefined ? {} : { authorization: `Bearer ${secret}` };
  // Of one that goes on, the first message is the answer.
  if (rpc.includes('/Watch')) return postFramed(url, rpc, body, secret);
  const isStream = /\/(ExportAudit|Watch)/.test(rpc);
  const type = isStream ? 'application/connect+json' : 'application/json';
  const response = await fetch(`${url}/tollgate.admin.v1.${rpc}`, {
    method: 'POST',
    headers: { 'content-type': type, ...authorization },
    body: isStream ? framed(body) : body,
  });
  if (isStream) return streamAnswerOf(Buffer.from(await response.arrayBuffer()));
  return answerOf(response.status, JSON.parse(await response.text()) as Json);
}

/** A message of a stream: a byte of flags, four of length, and the text. */
function framed(text: string): Buffer {
  const bytes = Buffer.from(text);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** The messages of a stream, and its error, which is in its last frame. */
function streamAnswerOf(bytes: Buffer): Answer {
  const messages: Json[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    const said = JSON.parse(bytes.subarray(at + 5, end).toString()) as Json;
    if (bytes[at] === 0) messages.push(said);
    else if (said['error'] !== undefined) return answerOf(400, said['error'] as Json);
    at = end;
  }
  return answerOf(200, { messages });
}

const frameHead = 5;

/** Sends one message to a stream of Connect JSON; the answer is its first message, or how it has failed. */
async function postFramed(
  url: string,
  rpc: string,
  body: string,
  secret: string | undefined,
): Promise<Answer> {
  const authorization = secret === undefined ? {} : { authorization: `Bearer ${secret}` };
  const response = await fetch(`${url}/tollgate.admin.v1.${rpc}`, {
    method: 'POST',
    headers: { 'content-type': 'application/connect+json', ...authorization },
    body: framed(body),
  });
  const reader = response.body?.getReader();
  const chunks: Uint8Array[] = [];
  for (;;) {
    const read = await reader?.read();
    if (read?.value !== undefined) chunks.push(read.value);
    const bytes = Buffer.concat(chunks);
    const isWhole = bytes.length >= frameHead && bytes.length >= frameHead + bytes.readUInt32BE(1);
    if (!isWhole && read?.done === false) continue;
    await reader?.cancel();
    const frame = JSON.parse(
      bytes.subarray(frameHead, frameHead + bytes.readUInt32BE(1)).toString(),
    );
    const { error } = frame as { readonly error?: Json };
    return error === undefined ? answerOf(200, frame as Json) : answerOf(statusOf(error), error);
  }
}

/** As Connect's unary calls have it. */
function statusOf({ code }: Json): number {
  return { unauthenticated: 401, permission_denied: 403, not_found: 404 }[String(code)] ?? 400;
}

/** Takes an answer of Connect JSON apart. */
export function answerOf(status: number, body: Json): Answer {
  const details = (body['details'] ?? []) as readonly { type: string; value: string }[];
  const bytesOf = (type: string): Buffer | undefined => {
    const found = details.find((detail) => detail.type === type);
    return found && Buffer.from(found.value, 'base64');
  };
  const infoBytes = bytesOf('google.rpc.ErrorInfo');
  const info = infoBytes && fromBinary(ErrorInfoSchema, infoBytes);
  const bad = bytesOf('google.rpc.BadRequest');
  const unmet = bytesOf('google.rpc.PreconditionFailure');
  return {
    status,
    code: status === 200 ? 'OK' : String(body['code']).toUpperCase(),
    reason: info?.reason,
    metadata: info?.metadata ?? {},
    fields: bad ? fromBinary(BadRequestSchema, bad).fieldViolations.map(({ field }) => field) : [],
    preconditions: unmet
      ? fromBinary(PreconditionFailureSchema, unmet).violations.map(
          ({ type, subject, description }) => `${type} ${subject} ${description}`,
        )
      : [],
    body,
  };
}

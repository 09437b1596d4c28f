import { randomUUID } from 'node:crypto';
import type { ServiceError as GrpcError } from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import type { Pool } from 'pg';
import {
  Health,
  HealthCheckResponse_ServingStatus as Serving,
} from '../../gen/grpc/health/v1/health_pb.ts';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import { errorDetails } from '../../src/client/error-details.ts';
import { orgSubject } from '../../src/core/subject.ts';
import {
  anyChange,
  blockLimit,
  createGateway,
  plainOrganization,
  policyStoreOf,
  putLimits,
} from './organization.ts';
import type { ServerProcess } from './server-process.ts';

/** Creates a gateway, and `strict` and `lax`, which want their calls refused and allowed without the store. */
export async function createStrictAndLax(pool: Pool): Promise<void> {
  await createGateway(pool);
  const store = policyStoreOf(pool, Date.now);
  for (const [orgId, onStoreFailure] of [
    ['strict', 'DENY'],
    ['lax', 'ALLOW'],
  ] as const) {
    await store.createOrganization({ ...plainOrganization(orgId), onStoreFailure }, anyChange);
    await putLimits(store, orgId, orgSubject, [blockLimit('cap', 'COST', 'DAY', 1_000_000n)]);
  }
}

/** Sends a Check that costs 7 nano-units at most. */
export function check({ client }: Pick<ServerProcess, 'client'>, orgId: string) {
  const call = { orgId, requestId: randomUUID(), target: 'gpt-4o', estimate: { costNanos: 7n } };
  return client.call(DecisionService.method.check, call);
}

/** What became of a Check, in a word or two: `OK`, `degraded`, or status and reason of the error. */
export async function checked(
  server: Pick<ServerProcess, 'client'>,
  orgId: string,
): Promise<string> {
  return check(server, orgId).then(
    ({ degraded }) => (degraded ? 'degraded' : 'OK'),
    (error: GrpcError) => `${status[error.code]} ${errorDetails(error).reason ?? ''}`.trim(),
  );
}

/** Whether a server says that it is ready. */
export async function isServing({ client }: Pick<ServerProcess, 'client'>): Promise<boolean> {
  return (await client.call(Health.method.check, {})).status === Serving.SERVING;
}

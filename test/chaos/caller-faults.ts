import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { ChannelCredentials } from '@grpc/grpc-js';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import { createUnaryClient } from '../../src/client/unary-client.ts';
import type { UnaryClient } from '../../src/client/unary-client.ts';
import { gatewayToken } from '../support/organization.ts';
import { faultOf } from './fault.ts';
import type { Fault, FaultKind } from './fault.ts';
import type { ReplicaIndex } from './replica.ts';
import { roomy } from './tenants.ts';

const either = [0, 1] as const;
/** Bounded, because the run has two processors at most: what is looked for is a cost out of proportion. */
const atOnce = 40;
const pauseMs = 20;

/** What callers do wrong, on connections of their own. */
export const callerFaults: Readonly<Record<string, FaultKind>> = {
  'unknown-tokens': (random) => {
    const ask = (client: UnaryClient): Promise<unknown> =>
      client.call(DecisionService.method.check, { orgId: roomy.orgId, target: 'plain' });
    return flood('calls with unknown tokens to', random.pick(either), ask, () =>
      unknownSecret('gateway'),
    );
  },
  'unknown-credentials': (random) => {
    const ask = (client: UnaryClient): Promise<unknown> => {
      const request = { orgId: roomy.orgId, target: 'plain', credential: unknownSecret('key') };
      return client.call(DecisionService.method.check, request);
    };
    return flood('calls with unknown credentials to', random.pick(either), ask, () => gatewayToken);
  },
  'short-deadlines': (random) => {
    const ask = (client: UnaryClient): Promise<unknown> => {
      const request = { orgId: roomy.orgId, requestId: 'short-deadline', sequence: 1 };
      const settings = { timeoutMs: random.between(1, 10) };
      return client.call(DecisionService.method.extend, request, settings);
    };
    return flood('calls with short deadlines to', random.pick(either), ask, () => gatewayToken);
  },
};

function unknownSecret(kind: string): string {
  return `tg_${kind}_${randomBytes(32).toString('base64url')}`;
}

/** None of these calls succeeds, or leaves anything behind. */
function flood(
  what: string,
  index: ReplicaIndex,
  ask: (client: UnaryClient) => Promise<unknown>,
  tokenOf: () => string,
): Fault {
  return faultOf(`${what} replica ${index}`, [index], {
    async play({ replicas }, _, forMs) {
      const endMs = performance.now() + forMs;
      const address = `127.0.0.1:${replicas[index].dataPort}`;
      const credentials = ChannelCredentials.createInsecure();
      while (performance.now() < endMs) {
        const client = createUnaryClient({ address, credentials, token: tokenOf() });
        const asked = Array.from({ length: atOnce }, () => ask(client).catch(() => undefined));
        await Promise.race([Promise.all(asked), delay(1_000)]);
        client.close();
        await delay(pauseMs);
      }
      return [];
    },
  });
}

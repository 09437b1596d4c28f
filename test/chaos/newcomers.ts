import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../support/random.ts';
import type { Administrator } from './administrator.ts';
import type { Asker } from './asking.ts';
import type { Journal } from './journal.ts';
import { reasonName } from './reasons.ts';
import { acknowledge, checked, doubt, newCall } from './reference.ts';
import type { Replica } from './replica.ts';
import { roomy } from './tenants.ts';
import type { Tenant } from './tenants.ts';

/** Keys may be refused here: that they are not, or are, is judged by itself. */
const holder: Tenant = {
  ...roomy,
  deniedFor: ['CREDENTIAL_UNKNOWN', 'CREDENTIAL_REVOKED'],
};
const asks = { cost: 5n, input: 1n, output: 1n };

/** Makes keys at one replica, uses them at once at the other, and revokes them: each change binds the next call. */
export async function bringNewcomers(parts: {
  readonly random: Random;
  readonly journal: Journal;
  readonly asker: Asker;
  readonly administrator: Administrator;
  readonly replicas: readonly [Replica, Replica];
  /** Ids begin with it. */
  readonly prefix: string;
  readonly isOver: () => boolean;
}): Promise<void> {
  const { random, journal, asker, administrator, replicas, prefix } = parts;

  /** The reason of its denial, '' for none, undefined when it is not known. */
  async function useKey(requestId: string, id: string, secret: string | undefined) {
    const call = newCall(holder, requestId);
    journal.calls.push(call);
    const firstSentMs = Date.now();
    const who = secret === undefined ? { subjects: { key: id } } : { credential: secret };
    const operation = {
      case: 'check' as const,
      value: {
        orgId: holder.orgId,
        requestId,
        target: 'plain',
        estimate: { costNanos: asks.cost, inputTokens: asks.input, outputTokens: asks.output },
        ttl: { seconds: 1n },
        ...who,
      },
    };
    const promises = { call, isFirst: true, firstSentMs };
    const result = await asker.tryOnce(random.pick([0, 1]), operation, 'unary', promises);
    if (result.case !== 'check') {
      doubt(call, [checked(asks, 'ALLOW'), checked(asks, 'DENY')]);
      return undefined;
    }
    const reason = reasonName(result.value.outcome?.reason);
    // An unknown credential leaves nothing behind.
    if (reason !== 'CREDENTIAL_UNKNOWN') {
      acknowledge(call, checked(asks, reason === 'UNSPECIFIED' ? 'ALLOW' : 'DENY'));
    }
    return reason;
  }

  function expectReason(found: string | undefined, wanted: string, what: string): void {
    if (found === undefined || found === wanted) return;
    journal.violated('a change of keys binds the next call', `${what}: ${found}, not ${wanted}`);
  }

  for (let at = 0; !parts.isOver(); at += 1) {
    await delay(random.between(50, 200));
    const id = `${prefix}key-${at}`;
    const change = { orgId: holder.orgId, reason: 'chaos' };
    const made = await administrator.tryOnce(random.pick(replicas), 'CredentialService/CreateKey', {
      ...change,
      key: { id },
    });
    const secret = made?.['secret'];
    if (typeof secret !== 'string') continue;
    const shown = random.pick([secret, undefined]);
    expectReason(await useKey(`${id}-new`, id, shown), 'UNSPECIFIED', `${id}, just made`);
    const revoked = await administrator.tryOnce(
      random.pick(replicas),
      'CredentialService/RevokeKey',
      { ...change, id },
    );
    if (revoked === undefined) continue;
    const reason = await useKey(`${id}-old`, id, shown);
    expectReason(reason, 'CREDENTIAL_REVOKED', `${id}, just revoked`);
  }
}

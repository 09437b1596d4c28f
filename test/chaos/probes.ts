import { setTimeout as delay } from 'node:timers/promises';
import { Decision } from '../../gen/tollgate/v1/outcome_pb.ts';
import type { Asker } from './asking.ts';
import { lineOf } from './journal.ts';
import type { Journal } from './journal.ts';
import { acknowledge, checked, doubt, newCall, released } from './reference.ts';
import type { ReplicaIndex } from './replica.ts';
import { tenants } from './tenants.ts';
import type { Tenant } from './tenants.ts';

const pauseMs = 30;
const asks = { cost: 1n, input: 1n, output: 1n };

/**
 * Asks one replica for one organization without a pause to speak of, and gives back what it got: whether the two go
 * on while something else fails is seen by when its answers came.
 */
async function probe(
  parts: { readonly asker: Asker; readonly journal: Journal; readonly prefix: string },
  replica: ReplicaIndex,
  tenant: Tenant,
  isOver: () => boolean,
): Promise<void> {
  const { asker, journal, prefix } = parts;
  for (let at = 0; !isOver(); at += 1) {
    const call = newCall(tenant, `${prefix}probe-${replica}-${at}`);
    journal.calls.push(call);
    const promises = { call, isFirst: true, firstSentMs: Date.now() };
    const named = { orgId: tenant.orgId, requestId: call.requestId };
    const estimate = { costNanos: asks.cost, inputTokens: asks.input, outputTokens: asks.output };
    const check = { ...named, target: 'plain', estimate, ttl: { seconds: 1n } };
    const told = await asker.tryOnce(replica, { case: 'check', value: check }, 'unary', promises);
    if (told.case === 'check' && !told.value.degraded) {
      journal.answered(replica, tenant.orgId, performance.now());
      const isAllowed = told.value.outcome?.decision === Decision.ALLOW;
      acknowledge(call, checked(asks, isAllowed ? 'ALLOW' : 'DENY'));
      if (isAllowed) {
        const release = { case: 'release' as const, value: named };
        const given = await asker.tryOnce(replica, release, 'unary', promises);
        if (given.case === 'release') acknowledge(call, released);
        else doubt(call, [released]);
      }
    } else {
      doubt(call, [checked(asks, 'ALLOW'), checked(asks, 'DENY')]);
    }
    await delay(pauseMs);
  }
}

/** Probes both replicas for every organization until it is over. */
export async function probeAll(
  parts: { readonly asker: Asker; readonly journal: Journal; readonly prefix: string },
  isOver: () => boolean,
): Promise<void> {
  const pairs = ([0, 1] as const).flatMap((replica) =>
    tenants.map((one) => [replica, one] as const),
  );
  await Promise.all(pairs.map(([replica, tenant]) => probe(parts, replica, tenant, isOver)));
}

/** The longest time between two good answers, of some replicas, and whose it was. */
export function longestGap(
  journal: Journal,
  replicas: readonly ReplicaIndex[],
  fromMs: number,
  toMs: number,
): { readonly gapMs: number; readonly line: string } {
  let longest = { gapMs: 0, line: '' };
  for (const replica of replicas) {
    for (const { orgId } of tenants) {
      const line = lineOf(replica, orgId);
      const times = (journal.answersOf.get(line) ?? []).filter((at) => at > fromMs && at < toMs);
      let last = fromMs;
      for (const at of [...times, toMs]) {
        if (at - last > longest.gapMs) longest = { gapMs: at - last, line };
        last = at;
      }
    }
  }
  return longest;
}

/** How long after an instant the slower replica gave its first good answer; undefined if one gave none. */
export function firstAnswerAfter(journal: Journal, sinceMs: number): number | undefined {
  const firsts = ([0, 1] as const).map((replica) => {
    const times = tenants.flatMap(
      ({ orgId }) => journal.answersOf.get(lineOf(replica, orgId)) ?? [],
    );
    return Math.min(...times.filter((at) => at > sinceMs)) - sinceMs;
  });
  const slower = Math.max(...firsts);
  return Number.isFinite(slower) ? slower : undefined;
}

/** How long after an instant every organization was answered by either replica; undefined if one was not. */
export function recoveredAfter(journal: Journal, sinceMs: number): number | undefined {
  let slowest = 0;
  for (const replica of [0, 1] as const) {
    for (const { orgId } of tenants) {
      const times = journal.answersOf.get(lineOf(replica, orgId)) ?? [];
      const first = times.find((at) => at > sinceMs);
      if (first === undefined) return undefined;
      slowest = Math.max(slowest, first - sinceMs);
    }
  }
  return slowest;
}

import type { Pool } from 'pg';
import { Decision } from '../../gen/tollgate/v1/outcome_pb.ts';
import type { Gate } from './gate.ts';
import type { Journal, Violation } from './journal.ts';
import { reasonName } from './reasons.ts';
import { narrow, narrowest, tight } from './tenants.ts';
import type { Tenant } from './tenants.ts';

type Ask = (tenant: Tenant, requestId: string, costNanos: bigint) => Promise<string>;

/**
 * When all is quiet: what is left of a budget passes to the last nano-USD, and no more; as many calls as may be in
 * flight are, and no more. So nothing is held or counted that should not be. The calls are released again.
 */
export async function auditLimits(
  pool: Pool,
  gate: Gate,
  prefix: string,
  amountNanos: bigint,
): Promise<Violation[]> {
  const violations: Violation[] = [];
  const caller = quietCaller(gate);
  const expect = (promise: string, found: readonly string[], wanted: readonly string[]): void => {
    if (found.join() === wanted.join()) return;
    violations.push({ promise, evidence: `${found.join(', ')}; expected ${wanted.join(', ')}` });
  };

  const { rows } = await pool.query<{ used: string }>(
    `SELECT lifetime_used_cost AS used FROM meter WHERE org_id = $1 AND meter_id = 'org'`,
    [tight.orgId],
  );
  const left = amountNanos - BigInt(rows[0]?.used ?? 0);
  const isSpent = left <= 0n;
  expect(
    'a budget is used to the last nano-USD and no further',
    [
      await caller.ask(tight, `${prefix}quiet-more`, isSpent ? 1n : left + 1n),
      ...(isSpent ? [] : [await caller.ask(tight, `${prefix}quiet-all`, left)]),
    ],
    ['COST_EXCEEDED', ...(isSpent ? [] : ['ALLOW'])],
  );
  const found: string[] = [];
  for (let at = 0; at <= narrowest; at += 1) {
    found.push(await caller.ask(narrow, `${prefix}quiet-${at}`, 1n));
  }
  expect('as many calls are in flight as may be', found, [
    ...Array.from({ length: narrowest }, () => 'ALLOW'),
    'CONCURRENCY_EXCEEDED',
  ]);
  await caller.releaseAll();
  return violations;
}

/** Asks when nothing else goes on: ALLOW, or the reason of the denial, or the error. */
function quietCaller(gate: Gate): { readonly ask: Ask; releaseAll(): Promise<void> } {
  const open: { readonly orgId: string; readonly requestId: string }[] = [];
  return {
    async ask({ orgId }, requestId, costNanos) {
      const estimate = { costNanos, inputTokens: 1n, outputTokens: 1n };
      const value = { orgId, requestId, target: 'plain', estimate };
      const { result } = await gate.ask({ case: 'check', value }, 'unary');
      if (result.case !== 'check') return JSON.stringify(result);
      const { outcome } = result.value;
      if (outcome?.decision !== Decision.ALLOW) return reasonName(outcome?.reason);
      open.push({ orgId, requestId });
      return 'ALLOW';
    },
    async releaseAll() {
      for (const value of open) await gate.ask({ case: 'release', value }, 'unary');
    },
  };
}

/** At no instant were more holds of `narrow` surely open than may be. */
export function auditFlights({ calls }: Journal): Violation[] {
  const changes = calls
    .filter(({ tenant, openFromMs }) => tenant === narrow && openFromMs !== undefined)
    .flatMap(({ openFromMs = 0, openToMs = Infinity, expiresAtMs = 0 }) => {
      const toMs = Math.min(openToMs, expiresAtMs);
      return toMs > openFromMs ? [[openFromMs, 1] as const, [toMs, -1] as const] : [];
    })
    .toSorted(([aMs, a], [bMs, b]) => aMs - bMs || a - b);
  let inFlight = 0;
  let most = 0;
  for (const [, change] of changes) most = Math.max(most, (inFlight += change));
  if (most <= narrowest) return [];
  const evidence = `${most} calls at once, ${narrowest} are allowed`;
  return [{ promise: 'never more calls are in flight than may be', evidence }];
}

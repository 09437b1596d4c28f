import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { Random } from '../support/random.ts';
import { createAsker } from './asking.ts';
import { auditAvailability } from './availability.ts';
import type { Availability } from './availability.ts';
import { auditBooks, countOpen } from './books.ts';
import { auditFlights, auditLimits } from './exactness.ts';
import type { Fault } from './fault.ts';
import { createJournal } from './journal.ts';
import type { Journal, Violation } from './journal.ts';
import { createPolicySwitch } from './policy-switch.ts';
import { residentMiB } from './process-tree.ts';
import { repeat } from './repeats.ts';
import type { Stage } from './stage.ts';
import { watchStalls } from './stalls.ts';
import { budget, tight } from './tenants.ts';
import { driveTraffic } from './traffic.ts';

/** How long the parts of a round last, in milliseconds. */
export interface Times {
  readonly calmMs: number;
  readonly faultMs: readonly [least: number, most: number];
  /** How long traffic goes on after the faults at least. */
  readonly afterMs: number;
  /** Holds of callers live no longer: each round waits for the last of them. */
  readonly longestTtlMs: number;
}

/** What came of a round. */
export interface RoundReport {
  readonly index: number;
  readonly faults: readonly string[];
  readonly journal: Journal;
  readonly availability: Availability;
  /** Of both processes together, at the end. */
  readonly residentMiB: number;
  readonly violations: readonly Violation[];
}

/** The longest that a hold may stay after traffic has ended: its time, and the sweep. */
const settleMs = 12_000;
/** How long traffic goes on at most for the last of the callers to be answered again. */
const mostRecoveryMs = 10_000;
const replaysAfterwards = 40;

/** Plays one round: calm, faults, recovery, quiet; then the books are compared. */
export async function playRound(
  stage: Stage,
  random: Random,
  index: number,
  faults: readonly Fault[],
  times: Times,
): Promise<RoundReport> {
  const prefix = `r${index}-`;
  const journal = createJournal();
  const policySwitch = createPolicySwitch(stage.administrator, stage.replicas);
  const asker = createAsker(stage.gates, journal, {
    silent: new Set(faults.flatMap(({ silences }) => silences)),
    storeless: new Set(faults.flatMap(({ parts }) => parts)),
    isOpenSince: (sinceMs) => policySwitch.isOpenSince(sinceMs),
  });
  const amountNanos = await raiseBudget(stage, random);
  const stalls = watchStalls();
  let isOver = false;
  const traffic = driveTraffic({
    stage,
    random,
    journal,
    asker,
    policySwitch,
    prefix,
    longestTtlMs: times.longestTtlMs,
    isOver: () => isOver,
  });
  const whileTraffic = async (): Promise<[Violation[], Availability]> => {
    await delay(times.calmMs);
    stalls.take();
    const beganMs = performance.now();
    const forMs = random.between(...times.faultMs);
    const played = await Promise.all(faults.map((fault) => fault.play(stage, random, forMs)));
    const liftedMs = performance.now();
    await stage.heal();
    const healedMs = performance.now();
    const seen = { journal, faults, beganMs, liftedMs, healedMs, stalls };
    const availability = await auditAvailability(seen, times.afterMs, mostRecoveryMs);
    return [played.flat(), availability];
  };
  let seen: Awaited<ReturnType<typeof whileTraffic>>;
  try {
    seen = await whileTraffic();
  } finally {
    isOver = true;
    await traffic;
    stalls.stop();
  }
  const [played, availability] = seen;

  const [books, limits] = await stage.withPool(async (pool) => {
    await untilSettled(pool);
    const books = await auditBooks(pool, journal.calls, prefix, amountNanos);
    return [books, await auditLimits(pool, random.pick(stage.gates), prefix, amountNanos)];
  });
  const { acknowledged } = journal;
  for (let at = 0; at < Math.min(replaysAfterwards, acknowledged.length); at += 1) {
    const one = acknowledged[random.between(0, acknowledged.length - 1)];
    if (one !== undefined) await repeat({ random, asker, journal }, one);
  }
  return {
    index,
    faults: faults.map(({ name }) => name),
    journal,
    availability,
    residentMiB: memoryOf(stage),
    violations: [
      ...played,
      ...stage.takeDeaths(),
      ...availability.violations,
      ...auditFlights(journal),
      ...(books ?? []),
      ...(limits ?? []),
      ...journal.violations,
    ],
  };
}

/** Gives `tight` something again, but less than its callers will ask for; what its budget is then. */
async function raiseBudget(stage: Stage, random: Random): Promise<bigint> {
  const used = await stage.withPool(async (pool) => {
    const { rows } = await pool.query<{ used: string }>(
      `SELECT lifetime_used_cost AS used FROM meter WHERE org_id = $1 AND meter_id = 'org'`,
      [tight.orgId],
    );
    return BigInt(rows[0]?.used ?? 0);
  });
  const amountNanos = used + BigInt(random.between(2_000, 15_000));
  const limit = {
    name: budget.name,
    metric: `METRIC_${budget.metric}`,
    window: `WINDOW_${budget.window}`,
    amount: `0.${String(amountNanos).padStart(9, '0')}`,
  };
  await stage.administrator.insist('PolicyService/UpdatePolicy', {
    orgId: tight.orgId,
    policy: { subject: 'org', limits: [limit] },
    reason: 'chaos',
  });
  return amountNanos;
}

/** Returns when no hold is open, or none should be any more: what is left is then found. */
async function untilSettled(pool: Pool): Promise<void> {
  const endMs = performance.now() + settleMs;
  while (performance.now() < endMs && (await countOpen(pool)) > 0) await delay(100);
}

function memoryOf({ replicas }: Stage): number {
  return replicas.reduce(
    (sum, { pid }) => sum + (pid === undefined ? 0 : (residentMiB(pid) ?? 0)),
    0,
  );
}

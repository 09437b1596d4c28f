import { setTimeout as delay } from 'node:timers/promises';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { Decision } from '../../gen/tollgate/v1/outcome_pb.ts';
import type { Random } from '../support/random.ts';
import { isDegraded } from './caller.ts';
import type { Step, TakeStep, StepResult } from './caller.ts';
import type { Journal } from './journal.ts';
import {
  acknowledge,
  checked,
  expired,
  extended,
  newCall,
  released,
  reported,
  reportedUnknown,
} from './reference.ts';
import type { Amounts, ReferenceCall, Standing } from './reference.ts';
import { pricedModel } from './tenants.ts';
import type { Tenant } from './tenants.ts';

/** What a caller lives with. */
export interface LifeParts {
  readonly random: Random;
  readonly journal: Journal;
  readonly take: TakeStep;
  /** Holds live no longer. */
  readonly longestTtlMs: number;
}

/** Holds live for so long; the last is longer than most faults. */
const ttls = [700, 1_500, 4_000] as const;
/** The sweep runs by the database's clock, which is ours; a hold that ends sooner than this before its time is a fault. */
const expiryToleranceMs = 100;

/** One call from its first request to whatever end chance gives it. */
export async function live(parts: LifeParts, tenant: Tenant, requestId: string): Promise<void> {
  const { random, journal } = parts;
  const call = newCall(tenant, requestId);
  journal.calls.push(call);
  const request = draw(random);
  if (random.between(0, 9) === 0) return report(parts, call, request);
  const held = draw(random, request);
  const ttlMs = Math.min(random.pick(ttls), parts.longestTtlMs);
  const how = { ttlMs, settleNow: random.between(0, 7) === 0 };
  const result = await check(parts, call, held, how);
  if (result?.case !== 'check' || isDegraded(result)) return;
  if (result.value.outcome?.decision !== Decision.ALLOW) {
    if (random.between(0, 5) === 0) await reportEither(parts, call, request);
    return;
  }
  if (how.settleNow) return;
  const extends_ = random.pick([0, 0, 1, 2]);
  for (let sequence = 1; sequence <= extends_; sequence += 1) {
    if (!(await extend(parts, call, draw(random, request), sequence, ttlMs))) return;
  }
  const end = random.between(0, 9);
  if (end < 2) return;
  if (end === 2) await delay(ttlMs + 600);
  if (end > 3) return reportEither(parts, call, request);
  if (!(await release(parts, call))) return;
  if (random.between(0, 2) === 0) await reportEither(parts, call, request);
}

/** Providers do not always say what was used. */
function reportEither(parts: LifeParts, call: ReferenceCall, request: Drawn): Promise<void> {
  const { random } = parts;
  if (random.between(0, 4) === 0) return reportUnknown(parts, call);
  return report(parts, call, draw(random, request));
}

/** What is asked or used, and how a request says it. */
interface Drawn {
  readonly target: string;
  readonly user: string;
  readonly teams: string[];
  readonly amounts: Amounts;
  readonly said: {
    readonly inputTokens: bigint;
    readonly outputTokens: bigint;
    readonly costNanos?: bigint;
  };
}

function draw(random: Random, like?: Drawn): Drawn {
  const target = like?.target ?? random.pick([pricedModel.name, 'plain', 'dear']);
  const input = BigInt(random.between(1, 40));
  const output = BigInt(random.between(1, 40));
  const isPriced = target === pricedModel.name;
  const cost = isPriced
    ? input * pricedModel.inputNanos + output * pricedModel.outputNanos
    : BigInt(random.between(1, 400));
  const said = { inputTokens: input, outputTokens: output };
  return {
    target,
    user: like?.user ?? random.pick(['alice', 'bob', 'carol']),
    teams: like?.teams ?? random.pick([[], ['red']]),
    amounts: { cost, input, output },
    said: isPriced ? said : { ...said, costNanos: cost },
  };
}

function named({ tenant, requestId }: ReferenceCall): { orgId: string; requestId: string } {
  return { orgId: tenant.orgId, requestId };
}

async function check(
  parts: LifeParts,
  call: ReferenceCall,
  { target, user, teams, said, amounts }: Drawn,
  how: { readonly ttlMs: number; readonly settleNow: boolean },
): Promise<StepResult> {
  const { ttlMs, settleNow } = how;
  const result = await parts.take({
    call,
    operation: {
      case: 'check',
      value: {
        ...named(call),
        subjects: { user, teams },
        target,
        estimate: said,
        settleNow,
        ttl: { seconds: BigInt(Math.floor(ttlMs / 1000)), nanos: (ttlMs % 1000) * 1_000_000 },
      },
    },
    effectOf: (answer) => {
      const isAllowed =
        answer.case === 'check' && answer.value.outcome?.decision === Decision.ALLOW;
      return checked(amounts, isAllowed ? 'ALLOW' : 'DENY', how);
    },
    possible: [checked(amounts, 'ALLOW', how), checked(amounts, 'DENY', how)],
  });
  if (result?.case === 'refused') unexpected(parts, call, result);
  if (result?.case !== 'check' || isDegraded(result)) return result;
  const { outcome } = result.value;
  if (outcome?.decision === Decision.ALLOW && outcome.expireTime !== undefined) {
    call.openFromMs = Date.now();
    call.expiresAtMs = timestampMs(outcome.expireTime);
    expect(parts, call, 'what is asked is held', outcome.heldCostNanos, amounts.cost);
  }
  return result;
}

/** Whether the hold goes on. */
async function extend(
  parts: LifeParts,
  call: ReferenceCall,
  { said, amounts }: Drawn,
  sequence: number,
  ttlMs: number,
): Promise<boolean> {
  const result = await parts.take({
    call,
    operation: { case: 'extend', value: { ...named(call), sequence, added: said } },
    effectOf: (answer) => {
      const isAllowed =
        answer.case === 'extend' && answer.value.outcome?.decision === Decision.ALLOW;
      return isAllowed ? extended(amounts) : (standing) => [standing];
    },
    possible: [extended(amounts)],
  });
  if (result?.case === 'refused') overInTime(parts, call, result);
  if (result?.case !== 'extend' || result.value.outcome?.expireTime === undefined) return false;
  call.expiresAtMs = timestampMs(result.value.outcome.expireTime);
  return result.value.outcome.decision === Decision.ALLOW && ttlMs > 0;
}

/** Whether it was given back. */
async function release(parts: LifeParts, call: ReferenceCall): Promise<boolean> {
  call.openToMs = Date.now();
  const result = await parts.take({
    call,
    operation: { case: 'release', value: named(call) },
    effectOf: () => released,
    possible: [released],
  });
  if (result?.case === 'refused') overInTime(parts, call, result);
  return result?.case === 'release';
}

async function report(parts: LifeParts, call: ReferenceCall, drawn: Drawn): Promise<void> {
  call.openToMs ??= Date.now();
  const { target, user, teams, said, amounts } = drawn;
  const partial = said.costNanos !== undefined && parts.random.between(0, 5) === 0;
  const before = call.standings;
  const effect = reported(amounts, partial);
  const step: Step = {
    call,
    operation: {
      case: 'report',
      value: { ...named(call), subjects: { user, teams }, target, usage: said, partial },
    },
    effectOf: () => effect,
    possible: [effect],
  };
  const result = await parts.take(step);
  if (result?.case === 'refused') unexpected(parts, call, result);
  if (result?.case !== 'report') return;
  expect(parts, call, 'what is reported is booked', result.value.costNanos, amounts.cost);
  judgeLate(parts, call, before, result.value.late);
}

async function reportUnknown(parts: LifeParts, call: ReferenceCall): Promise<void> {
  call.openToMs ??= Date.now();
  const before = call.standings;
  const result = await parts.take({
    call,
    operation: { case: 'report', value: { ...named(call), usageUnknown: true } },
    effectOf: () => reportedUnknown,
    possible: [reportedUnknown],
  });
  if (result?.case === 'refused') unexpected(parts, call, result);
  if (result?.case !== 'report') return;
  const booked = before
    .flatMap(reportedUnknown)
    .map((standing) => 'used' in standing && standing.used.cost);
  const isOneOfThem = booked.includes(result.value.costNanos);
  expect(parts, call, 'what was held is booked where usage is unknown', isOneOfThem, true);
  expect(parts, call, 'booked without usage is said', result.value.usageAssumed, true);
  judgeLate(parts, call, before, result.value.late);
}

function judgeLate(
  parts: LifeParts,
  call: ReferenceCall,
  before: readonly Standing[],
  late: boolean,
): void {
  const [standing] = before;
  if (before.length !== 1 || standing === undefined) return;
  const isOver = standing.state !== 'OPEN' && standing.state !== 'ABSENT';
  if (standing.state !== 'OPEN') {
    const isLate = isOver && standing.state !== 'DENIED';
    return expect(parts, call, 'late is what comes after the hold', late, isLate);
  }
  if (late) endedInTime(parts, call, 'a late Report');
}

/** A refusal that only a hold that is over explains. */
function overInTime(
  parts: LifeParts,
  call: ReferenceCall,
  result: Extract<StepResult, { case: 'refused' }>,
): void {
  if (result.reason !== 'HOLD_NOT_OPEN') return unexpected(parts, call, result);
  if (!acknowledge(call, expired)) return unexpected(parts, call, result);
  endedInTime(parts, call, result.message);
}

function endedInTime({ journal }: LifeParts, call: ReferenceCall, how: string): void {
  const earlyMs = (call.expiresAtMs ?? 0) - Date.now();
  if (earlyMs <= expiryToleranceMs) return;
  const evidence = `${call.tenant.orgId} ${call.requestId}, ${earlyMs} ms before its time: ${how}`;
  journal.violated('a hold lives as long as was said', evidence);
}

function unexpected(
  { journal }: LifeParts,
  call: ReferenceCall,
  { code, reason, message }: Extract<StepResult, { case: 'refused' }>,
): void {
  const evidence = `${call.tenant.orgId} ${call.requestId}: ${code} ${reason}: ${message}`;
  journal.violated('a request that is right is not refused', evidence);
}

function expect(
  { journal }: LifeParts,
  call: ReferenceCall,
  promise: string,
  found: unknown,
  wanted: unknown,
): void {
  if (found === wanted) return;
  const evidence = `${call.tenant.orgId} ${call.requestId}: ${String(found)}, not ${String(wanted)}`;
  journal.violated(promise, evidence);
}

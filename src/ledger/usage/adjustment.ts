import type { ClientBase } from 'pg';
import type { CallPath, TargetFacts } from '../../core/call.ts';
import { windows } from '../../core/policy.ts';
import { countsIn, countsOn } from '../../core/usage-change.ts';
import type { CountsOnly } from '../../core/counts-only.ts';
import type { UsageAmounts, UsageChange } from '../../core/usage-change.ts';
import { invalidFields, ServiceError } from '../../platform/service-error.ts';
import { baseNames } from '../calls/subjects.ts';
import { countersOf, windowStarts } from '../meters/call-delta.ts';
import { callNotFound } from '../operations/closing.ts';
import { counters, deltaWidth, windowOffsets } from '../sql/apply-deltas.ts';
import { readCallToAdjust, sumOfCall } from '../sql/change-usage.ts';
import { chargedMeters } from './charged-meters.ts';
import type { BookedChange, ChangeTime, FoundMeter } from './booked-change.ts';

type Adjustment = Exclude<UsageChange, { readonly kind: 'RESET' }>;
/** What is booked, before it is known on which meters. */
type Unbooked = Omit<BookedChange, 'added' | 'kind' | 'requests'>;

const only: CountsOnly = { kind: 'ADJUSTMENT' };

/**
 * What an adjustment books. A credit may not be larger than what the call used, or than what each of the meters that it
 * is booked on has used in a window of now: FAILED_PRECONDITION `CREDIT_TOO_LARGE`.
 */
export async function adjustmentOf(
  client: ClientBase,
  orgId: string,
  change: Adjustment,
  time: ChangeTime,
): Promise<BookedChange> {
  const unbooked =
    change.kind === 'ADJUST_CALL'
      ? await ofCall(client, orgId, change.callId, change.amounts)
      : ofPath(change, time);
  const starts = windowStarts(time.calendar, unbooked.bookedAtMs);
  const found = (await chargedMeters(client, orgId, unbooked.subjects)).filter(({ meter }) =>
    countsOn(meter.targets, unbooked.target),
  );
  const values = deltaOf(unbooked.amounts, starts);
  if (change.kind === 'ADJUST_PATH') {
    const current = windowStarts(time.calendar, time.nowMs);
    for (const one of found) refuseNegative(one, values, current);
  }
  const added = found.map(({ meter }) => ({ meter, values }));
  return { ...unbooked, kind: 'ADJUSTMENT', requests: 0n, added };
}

async function ofCall(
  client: ClientBase,
  orgId: string,
  callId: string,
  amounts: UsageAmounts,
): Promise<Unbooked> {
  const { rows } = await client.query<{
    subjects: string[];
    facts: string;
    booked_at: string;
    detail: string;
  }>(readCallToAdjust.text, [orgId, callId]);
  const [call] = rows;
  if (call === undefined) throw callNotFound(callId);
  const sums = await client.query<Record<keyof UsageAmounts, string>>(sumOfCall.text, [
    orgId,
    callId,
    call.booked_at,
  ]);
  const [used] = sums.rows;
  for (const part of ['cost', 'input', 'output'] as const) {
    if (amounts[part] < 0n && BigInt(used?.[part] ?? 0) + amounts[part] < 0n) {
      throw tooLarge(`call ${callId}`, '', BigInt(used?.[part] ?? 0));
    }
  }
  const { path } = JSON.parse(call.detail) as { readonly path: CallPath };
  return {
    requestId: callId,
    bookedAtMs: Number(call.booked_at),
    subjects: call.subjects,
    user: path.user,
    target: { ...(JSON.parse(call.facts) as TargetFacts), only },
    amounts,
  };
}

function ofPath(
  { path, target, served, bookAtMs, amounts }: Adjustment & { readonly kind: 'ADJUST_PATH' },
  { nowMs }: ChangeTime,
): Unbooked {
  if (bookAtMs !== undefined && bookAtMs > nowMs) {
    throw invalidFields([{ field: 'book_time', description: 'must not be in the future' }]);
  }
  return {
    requestId: '',
    bookedAtMs: bookAtMs ?? Math.floor(nowMs),
    subjects: baseNames(path),
    user: path.user,
    target: { ...target, only },
    served,
    amounts,
  };
}

/** In the columns of `apply-deltas`. A window that it does not count in has the start 0, which changes nothing. */
function deltaOf(amounts: UsageAmounts, starts: readonly number[]): bigint[] {
  const values = Array.from({ length: deltaWidth }, () => 0n);
  const { cost: usedCost, input: usedInput, output: usedOutput } = amounts;
  const used = countersOf({ usedCost, usedInput, usedOutput });
  for (const [index, window] of windows.entries()) {
    const offset = windowOffsets[index];
    const startMs = starts[index] ?? 0;
    if (offset === undefined || !countsIn(only, window, startMs)) continue;
    if (offset.start >= 0) values[offset.start] = BigInt(startMs);
    for (const [at, counter] of used.entries()) values[offset.counters + at] = counter;
  }
  return values;
}

/** Refuses what would leave less than nothing in a window of now. */
function refuseNegative(
  { meter, row }: FoundMeter,
  values: readonly bigint[],
  current: readonly number[],
): void {
  for (const [index, window] of windows.entries()) {
    const offset = windowOffsets[index];
    if (offset === undefined || !countsIn(only, window, 0)) continue;
    const startMs = BigInt(current[index] ?? 0);
    const isNow = offset.start < 0 || values[offset.start] === startMs;
    if (!isNow) continue;
    const isCounted = row !== undefined && (offset.start < 0 || row[offset.start] === startMs);
    for (let at = 0; at < counters.length; at += 1) {
      const used = isCounted ? (row[offset.counters + at] ?? 0n) : 0n;
      const added = values[offset.counters + at] ?? 0n;
      if (added < 0n && used + added < 0n) throw tooLarge(meter.name, window, used);
    }
  }
}

function tooLarge(of: string, window: string, used: bigint): ServiceError {
  const where = window === '' ? '' : ` in its ${window} window`;
  const message = `a credit cannot be larger than what ${of} has used${where}, ${used}`;
  return new ServiceError('CREDIT_TOO_LARGE', message, {
    metadata: { name: of, window, used: used.toString() },
  });
}

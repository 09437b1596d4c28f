import type { ClientBase } from 'pg';
import type { UsageAmounts, UsageChange } from '../../core/usage-change.ts';
import { windows } from '../../core/policy.ts';
import type { Metric } from '../../core/policy.ts';
import { isDerived, meterOf } from '../../core/meter.ts';
import { countersOf, windowStarts } from '../meters/call-delta.ts';
import { ledgerSums } from '../record/ledger-sums.ts';
import { deltaWidth, windowOffsets } from '../sql/apply-deltas.ts';
import { chargedMeters } from './charged-meters.ts';
import type { BookedChange, ChangeTime } from './booked-change.ts';

type Reset = UsageChange & { readonly kind: 'RESET' };

/** What a reset books: what was used in the current window, taken away; undefined if that is nothing. */
export async function resetOf(
  client: ClientBase,
  orgId: string,
  { meter, window, metrics }: Reset,
  { nowMs, calendar }: ChangeTime,
): Promise<BookedChange | undefined> {
  const starts = windowStarts(calendar, nowMs);
  const index = windows.indexOf(window);
  const offset = windowOffsets[index];
  const startMs = window === 'LIFETIME' ? 0 : (starts[index] ?? 0);
  const base = meterOf(meter.subject, [], meter.member);
  const charged = await chargedMeters(client, orgId, [base.name]);
  const row = charged.find((one) => one.meter.name === meter.name)?.row;
  const isKept = row !== undefined;
  const [recorded] =
    isKept || !isDerived(meter) ? [] : await ledgerSums(client, orgId, [meter], starts);
  const found = row ?? recorded;
  if (found === undefined || offset === undefined) return undefined;
  if (offset.start >= 0 && found[offset.start] !== BigInt(startMs)) return undefined;
  const used = (at: number, of: readonly Metric[]): bigint =>
    metrics.length === 0 || metrics.some((metric) => of.includes(metric))
      ? (found[offset.counters + at] ?? 0n)
      : 0n;
  const amounts: UsageAmounts = {
    cost: -used(0, ['COST']),
    input: -used(1, ['INPUT_TOKENS', 'TOKENS']),
    output: -used(2, ['OUTPUT_TOKENS', 'TOKENS']),
  };
  const requests = -used(3, ['REQUESTS']);
  const taken = [amounts.cost, amounts.input, amounts.output, requests];
  if (taken.every((sum) => sum === 0n)) return undefined;
  const values = Array.from({ length: deltaWidth }, () => 0n);
  if (offset.start >= 0) values[offset.start] = BigInt(startMs);
  const delta = countersOf({
    usedCost: amounts.cost,
    usedInput: amounts.input,
    usedOutput: amounts.output,
    usedRequests: requests,
  });
  for (const [at, counter] of delta.entries()) values[offset.counters + at] = counter;
  return {
    requestId: '',
    kind: 'RESET',
    bookedAtMs: Math.floor(nowMs),
    subjects: [base.name],
    user: meter.subject.kind === 'user' ? meter.subject.id : meter.member,
    target: {
      name: '',
      kind: 'UNKNOWN',
      provider: undefined,
      groups: [],
      members: [],
      only: { kind: 'RESET', window, startMs, targets: meter.targets },
    },
    amounts,
    requests,
    added: isKept ? [{ meter, values }] : [],
  };
}

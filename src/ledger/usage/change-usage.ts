import type { ClientBase } from 'pg';
import { asCataloged } from '../../core/served-by.ts';
import { noUnits } from '../../core/units.ts';
import type { ChangedUsage, UsageChange } from '../../core/usage-change.ts';
import { fly } from '../../db/wire/flight.ts';
import type { FollowingClock } from '../../platform/database-clock.ts';
import { applyDeltasParameters } from '../meters/batch-deltas.ts';
import type { MeterRow } from '../meters/batch-deltas.ts';
import { lockedNowMs } from '../record/locked-now.ts';
import { usageParameters } from '../record/usage-parameters.ts';
import type { UsageRecord } from '../record/usage-record.ts';
import { applyDeltas } from '../sql/apply-deltas.ts';
import { readCalendar } from '../sql/change-usage.ts';
import { insertUsage } from '../sql/write-usage.ts';
import { adjustmentOf } from './adjustment.ts';
import type { BookedChange } from './booked-change.ts';
import { resetOf } from './reset.ts';

/**
 * Books an adjustment or a reset as a row of the record and on the meters that count it, in the transaction of the caller
 * and under the organization's lock. Undefined: there is nothing to reset.
 */
export async function changeUsage(
  client: ClientBase,
  orgId: string,
  change: UsageChange,
  clock: Pick<FollowingClock, 'read'>,
): Promise<ChangedUsage | undefined> {
  const nowMs = await lockedNowMs(client, orgId, clock);
  const { calendar, recordFromMs } = await readTime(client, orgId);
  const time = { nowMs, calendar };
  const booked =
    change.kind === 'RESET'
      ? await resetOf(client, orgId, change, time)
      : await adjustmentOf(client, orgId, change, time);
  if (booked === undefined) return undefined;
  await book(client, orgId, booked, Math.max(nowMs, recordFromMs));
  const { bookedAtMs, subjects, amounts, requests } = booked;
  const meters = change.kind === 'RESET' ? [change.meter.name] : subjects;
  return { bookedAtMs, meters, amounts, requests };
}

async function readTime(client: ClientBase, orgId: string) {
  const { rows } = await client.query<Record<string, string>>(readCalendar.text, [orgId]);
  const [row = {}] = rows;
  return {
    calendar: {
      timeZone: row['time_zone'] ?? 'UTC',
      weekStart: Number(row['week_start']),
      monthAnchorDay: Number(row['month_anchor_day']),
    },
    recordFromMs: Number(row['record_from_ms']),
  };
}

async function book(
  client: ClientBase,
  orgId: string,
  booked: BookedChange,
  recordedAtMs: number,
): Promise<void> {
  const record: UsageRecord = {
    orgId,
    requestId: booked.requestId,
    kind: booked.kind,
    bookedAtMs: booked.bookedAtMs,
    subjects: booked.subjects,
    user: booked.user,
    usage: {
      ...booked.amounts,
      reasoningOutput: 0n,
      cachedInput: 0n,
      cacheWrite: 0n,
      cacheWrite1h: 0n,
      units: noUnits,
      target: booked.target,
      served: booked.served ?? asCataloged,
      priceRevision: undefined,
      unpriced: false,
    },
    requests: booked.requests,
    overHold: false,
    late: false,
    assumed: false,
  };
  const values = usageParameters([record], () => recordedAtMs);
  const statements = [{ text: insertUsage.perOrganizationText, values, rowCount: 1 }];
  const rows = booked.added.map((one): MeterRow => ({ ...one, orgId, complete: true }));
  if (rows.length > 0) {
    statements.push({
      text: applyDeltas.perOrganizationText,
      values: applyDeltasParameters(rows.toSorted(inLockOrder)),
      rowCount: rows.length,
    });
  }
  await fly(client, statements);
}

/** The organization's own meter first, then by name, as every batch locks them. */
function inLockOrder({ meter: a }: MeterRow, { meter: b }: MeterRow): number {
  const [isFirst, isSecond] = [a, b].map(({ name }) => name === 'org');
  if (isFirst !== isSecond) return isFirst === true ? -1 : 1;
  return a.name < b.name ? -1 : 1;
}

import type { ClientBase } from 'pg';
import { parseMeterName } from '../../core/meter.ts';
import type { Meter } from '../../core/meter.ts';
import { saturated } from '../../core/totals.ts';
import type { Calendar } from '../../core/window.ts';
import type { FollowingClock } from '../../platform/database-clock.ts';
import { fly } from '../../db/wire/flight.ts';
import { applyDeltasParameters } from '../meters/batch-deltas.ts';
import type { MeterRow } from '../meters/batch-deltas.ts';
import { windowStarts } from '../meters/call-delta.ts';
import { windowSums } from './ledger-sums.ts';
import { applyDeltas, columns, windowOffsets } from '../sql/apply-deltas.ts';
import { lockedNowMs } from './locked-now.ts';

/** Meters that are read, worked out and written at a time: all at once would block the process for a second. */
const mostRows = 1_000;

/**
 * Cuts the current windows of an organization by another calendar: moves every meter's windows and fills
 * them from the record, inside the transaction that changes the calendar and under the organization's lock.
 */
export async function rebuildWindows(
  client: ClientBase,
  orgId: string,
  calendar: Calendar,
  clock: Pick<FollowingClock, 'read'>,
): Promise<void> {
  const starts = windowStarts(calendar, await lockedNowMs(client, orgId, clock));
  await moveWindows(client, orgId, starts);
  const recorded = await windowSums(client, orgId, starts);
  for await (const page of meterPages(client, orgId)) {
    const corrections: MeterRow[] = [];
    for (const { meter, found } of page) {
      const values = missing(found, recorded(meter));
      if (values.some((value, index) => value !== 0n && columns[index]?.isStart === false)) {
        corrections.push({ orgId, meter, complete: true, values });
      }
    }
    if (corrections.length === 0) continue;
    const values = applyDeltasParameters(corrections);
    const text = applyDeltas.perOrganizationText;
    await fly(client, [{ text, values, rowCount: corrections.length }]);
  }
}

async function moveWindows(
  client: ClientBase,
  orgId: string,
  starts: readonly number[],
): Promise<void> {
  const startColumns = columns.filter((column) => column.isStart).map((column) => column.name);
  const assignments = startColumns.map((name, index) => `${name} = $${index + 2}`);
  await client.query(`UPDATE meter SET ${assignments.join(', ')} WHERE org_id = $1`, [
    orgId,
    ...starts.slice(0, startColumns.length),
  ]);
}

interface FoundMeter {
  readonly meter: Meter;
  readonly found: readonly bigint[];
}

async function* meterPages(
  client: ClientBase,
  orgId: string,
): AsyncGenerator<readonly FoundMeter[]> {
  // A cursor reads the table once; pages by key would read it once for each page while it has no statistics.
  const names = columns.map(({ name }) => `${name}::text`).join(', ');
  const text = `DECLARE meters_to_rebuild NO SCROLL CURSOR FOR
SELECT meter_id, ${names} FROM meter WHERE org_id = $1 AND filled`;
  await client.query(text, [orgId]);
  for (;;) {
    const { rows } = await client.query<[string, ...string[]]>({
      text: `FETCH ${mostRows} FROM meters_to_rebuild`,
      rowMode: 'array',
    });
    yield rows.map(foundMeter);
    if (rows.length < mostRows) break;
  }
  await client.query('CLOSE meters_to_rebuild');
}

function foundMeter([name, ...values]: [string, ...string[]]): FoundMeter {
  const meter = parseMeterName(name);
  if (meter === undefined) throw new Error(`a meter has the name ${name}`);
  return { meter, found: values.map(BigInt) };
}

const lifetimeAt = windowOffsets.at(-1)?.counters ?? columns.length;

/** What must be added to a row in the windows that end; what is in flight and LIFETIME are as they were. */
function missing(found: readonly bigint[], recorded: readonly bigint[]): bigint[] {
  return columns.map((column, index) => {
    if (column.isStart) return recorded[index] ?? 0n;
    if (index === 0 || index >= lifetimeAt) return 0n;
    return saturated(recorded[index] ?? 0n) - (found[index] ?? 0n);
  });
}

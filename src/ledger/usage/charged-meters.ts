import type { ClientBase } from 'pg';
import { isDerived, parseMeterName } from '../../core/meter.ts';
import { readChargedMeters } from '../sql/change-usage.ts';
import type { FoundMeter } from './booked-change.ts';

/** The meters that a call on some base meters is counted on, as they are; base meters that are kept for every call always. */
export async function chargedMeters(
  client: ClientBase,
  orgId: string,
  subjects: readonly string[],
): Promise<FoundMeter[]> {
  const { rows } = await client.query<[string, boolean, ...string[]]>({
    text: readChargedMeters.text,
    values: [orgId, subjects],
    rowMode: 'array',
  });
  const found = new Map<string, FoundMeter>();
  for (const [name, isFilled, ...numbers] of rows) {
    const meter = parseMeterName(name);
    // What is not filled yet will be filled from the record, this row included.
    if (meter === undefined || !isFilled) continue;
    found.set(name, { meter, row: numbers.map(BigInt) });
  }
  for (const name of subjects) {
    const meter = parseMeterName(name);
    if (meter === undefined || isDerived(meter) || found.has(name)) continue;
    found.set(name, { meter, row: undefined });
  }
  return [...found.values()];
}

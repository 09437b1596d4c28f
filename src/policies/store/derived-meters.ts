import type { PoolClient } from 'pg';
import { meterOf } from '../../core/meter.ts';
import { familiesOf, familyName, familyTag } from '../../core/meters.ts';
import type { MeterFamily } from '../../core/organization-view.ts';
import { encodeId, subjectName } from '../../core/subject.ts';
import { familiesElsewhere } from './families-elsewhere.ts';
import type { PolicyChange } from './meter-bounds.ts';

/**
 * Deletes the derived meters that no limit keeps any more after policies changed.
 *
 * A meter left behind would stand still while calls go on, and would lie when a later limit revived it. One
 * deleted too many is only filled from the ledger again, so what is deleted may be a little more than needed.
 */
export async function dropDerivedMeters(
  client: PoolClient,
  orgId: string,
  changed: readonly PolicyChange[],
): Promise<void> {
  const kept = new Set(changed.flatMap(({ after }) => familiesOf(after).map(familyName)));
  const had = changed.flatMap(({ before }) => (before === undefined ? [] : familiesOf(before)));
  const lost = had.filter((family) => !kept.has(familyName(family)));
  if (lost.length === 0) return;
  const subjects = changed.map(({ after }) => after.subject);
  const elsewhere = await familiesElsewhere(client, orgId, subjects);
  const gone = lost.filter((family) => !elsewhere.has(familyName(family)));
  const single = gone.flatMap(onlyMeter);
  if (single.length > 0) {
    const text = "DELETE FROM meter WHERE org_id = $1 AND meter_id = ANY($2) AND family <> ''";
    await client.query(text, [orgId, single]);
  }
  for (const family of gone) {
    if (onlyMeter(family).length > 0) continue;
    await client.query(
      'DELETE FROM meter WHERE org_id = $1 AND family = $2 AND starts_with(meter_id, $3)',
      [orgId, familyTag(family), meterPrefix(family)],
    );
  }
}

/** The name of the meter of a family that belongs to one subject; none for the others. */
function onlyMeter({ kind, id, member, targets }: MeterFamily): string[] {
  return id === undefined || member ? [] : [meterOf({ kind, id }, targets).name];
}

/** What the names of a family's meters begin with. */
function meterPrefix(family: MeterFamily): string {
  const { kind, id, member, labelKey } = family;
  if (id !== undefined) return `${subjectName({ kind, id })}${member ? '/user:' : ''}`;
  return labelKey === undefined ? '' : `${kind}:${encodeId(`${labelKey}=`)}`;
}

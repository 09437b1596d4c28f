import type { ClientBase } from 'pg';
import { invalidFields } from '../../platform/service-error.ts';
import type { UsageQuery } from '../../service/admin/usage-queries.ts';
import { readUsageDays, readUsageMark } from '../sql/query-usage.ts';
import type { UsageSpans } from '../sql/usage-entries.ts';

/** A day, as it was cut when it was first summed. */
interface Day {
  readonly startMs: number;
  readonly endMs: number;
  readonly hasQuarters: boolean;
}

const noId = '00000000-0000-0000-0000-000000000000';

/** What is read as days and what as quarters: a day in which a point begins or ends is read by its quarters. */
export async function readUsageSpans(
  client: Pick<ClientBase, 'query'>,
  { orgId, cutsMs, needsQuarters }: Pick<UsageQuery, 'orgId' | 'cutsMs' | 'needsQuarters'>,
): Promise<UsageSpans> {
  const { rows: marks } = await client.query<{ rolled_to: string; rolled_to_id: string }>(
    readUsageMark.text,
    [orgId],
  );
  const mark = { at: marks[0]?.rolled_to ?? '-infinity', id: marks[0]?.rolled_to_id ?? noId };
  const days = await readDays(client, orgId, cutsMs);
  const cut = days.filter(isCutBy(cutsMs));
  const unknown = cut.filter(({ hasQuarters }) => !hasQuarters).at(-1);
  if (needsQuarters && unknown !== undefined) throw tooLongAgo(unknown);
  const firstMs = cutsMs[0] ?? 0;
  const isRead = new Set(cut.filter(({ hasQuarters }) => hasQuarters));
  return {
    mark,
    days: days
      .filter((day) => !isRead.has(day) && day.startMs >= firstMs)
      .map(({ startMs }) => timestamp(startMs)),
    quarters: joined([...isRead]).map(([from, to]) => [timestamp(from), timestamp(to)]),
  };
}

async function readDays(
  client: Pick<ClientBase, 'query'>,
  orgId: string,
  cutsMs: readonly number[],
): Promise<Day[]> {
  const span = [cutsMs[0] ?? 0, cutsMs.at(-1) ?? 0].map(timestamp);
  const { rows } = await client.query<[string, string, boolean]>({
    text: readUsageDays.text,
    values: [orgId, ...span],
    rowMode: 'array',
  });
  return rows.map(([startMs, endMs, hasQuarters]) => {
    return { startMs: Number(startMs), endMs: Number(endMs), hasQuarters };
  });
}

/** Days and instants both come in the order of time. */
function isCutBy(cutsMs: readonly number[]): (day: Day) => boolean {
  let next = 0;
  return ({ startMs, endMs }) => {
    while ((cutsMs[next] ?? Infinity) <= startMs) next += 1;
    return (cutsMs[next] ?? Infinity) < endMs;
  };
}

/** Days that follow each other as one span: fewer spans are planned faster. */
function joined(days: readonly Day[]): [number, number][] {
  const spans: [number, number][] = [];
  for (const { startMs, endMs } of days) {
    const last = spans.at(-1);
    if (last !== undefined && last[1] === startMs) last[1] = endMs;
    else spans.push([startMs, endMs]);
  }
  return spans;
}

function tooLongAgo({ endMs }: Day): Error {
  const description = `the hours of that time are no longer kept, only its days: ask for days, or from ${timestamp(endMs)}`;
  return invalidFields([{ field: 'start_time', description }]);
}

function timestamp(atMs: number): string {
  return new Date(atMs).toISOString();
}

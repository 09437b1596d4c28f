import type { ExportUsageRequest } from '../../../gen/tollgate/admin/v1/usage_pb.ts';
import { formatUsd } from '../../core/amount.ts';
import { parseMeterName } from '../../core/meter.ts';
import type { SubjectKind } from '../../core/subject.ts';
import type { ExportedPage } from '../../service/admin/export-usage.ts';
import type { ExportedUsage, UsageExport } from '../../service/admin/usage-export.ts';
import type { Violations } from '../violations.ts';
import { readEnum } from './fields.ts';
import { readSpan, readUsageFilters } from './usage-queries.ts';

/** In the order of the proto's numbers. */
const formats = ['CSV', 'JSONL'] as const;
type Format = (typeof formats)[number];

/** A value of an export: a text that somebody chose, or one that the program made, such as a number. */
interface Cell {
  readonly column: string;
  readonly value: string;
  readonly isOwn: boolean;
}

/** Reads what is exported, and how. */
export function usageExport(
  violations: Violations,
  orgId: string,
  request: ExportUsageRequest,
): { readonly of: UsageExport; readonly format: Format } {
  return {
    of: {
      orgId,
      ...readSpan(violations, request),
      filters: readUsageFilters(violations, request.filters),
    },
    format: readEnum(violations, 'format', request.format, formats, 'CSV'),
  };
}

/** Writes a page of an export; in CSV the first one begins with the names of the columns. */
export function exportText({ rows, isFirst }: ExportedPage, format: Format): string {
  const lines = rows.map((row) => (format === 'CSV' ? csvLine(cellsOf(row)) : jsonLine(row)));
  if (format === 'CSV' && isFirst) lines.unshift(`${columns.join(',')}\n`);
  return lines.join('');
}

function cellsOf(row: ExportedUsage): Cell[] {
  const ids = idsByKind(row.subjects);
  const made = (column: string, value: string | bigint): Cell => {
    return { column, value: value.toString(), isOwn: false };
  };
  const own = (column: string, value: string): Cell => ({ column, value, isOwn: true });
  const of = (kind: SubjectKind): Cell => own(kind, (ids.get(kind) ?? []).join(';'));
  return [
    made('book_time', new Date(row.bookedAtMs).toISOString()),
    made('record_time', new Date(row.recordedAtMs).toISOString()),
    made('kind', row.kind),
    own('request_id', row.requestId),
    of('user'),
    of('team'),
    of('key'),
    of('token'),
    of('principal'),
    of('app'),
    of('customer'),
    of('tier'),
    of('label'),
    own('model', row.model),
    own('provider', row.provider),
    own('service_tier', row.serviceTier),
    made('cost_usd', formatUsd(row.cost)),
    made('input_tokens', row.input),
    made('cached_input_tokens', row.cachedInput),
    made('cache_write_tokens', row.cacheWrite),
    made('cache_write_1h_tokens', row.cacheWrite1h),
    made('output_tokens', row.output),
    made('reasoning_output_tokens', row.reasoningOutput),
    made('request_count', row.requests),
    own('units', row.units.map(([name, count]) => `${name}=${count}`).join(';')),
    own('price_revision', row.priceRevision),
    made('flags', row.flags.join(';')),
  ];
}

const columns = cellsOf({
  id: '',
  bookedAtMs: 0,
  recordedAtMs: 0,
  kind: '',
  requestId: '',
  subjects: [],
  model: '',
  provider: '',
  serviceTier: '',
  cost: 0n,
  input: 0n,
  cachedInput: 0n,
  cacheWrite: 0n,
  cacheWrite1h: 0n,
  output: 0n,
  reasoningOutput: 0n,
  requests: 0n,
  units: [],
  priceRevision: '',
  flags: [],
}).map(({ column }) => column);

/** The ids of a call's subjects; what users spent inside teams follows from them. */
function idsByKind(subjects: readonly string[]): ReadonlyMap<SubjectKind, string[]> {
  const ids = new Map<SubjectKind, string[]>();
  for (const name of subjects) {
    const meter = parseMeterName(name);
    if (meter === undefined || meter.member !== undefined) continue;
    const { kind, id } = meter.subject;
    ids.set(kind, [...(ids.get(kind) ?? []), id]);
  }
  return ids;
}

/** RFC 4180, but for the end of lines. */
function csvLine(cells: readonly Cell[]): string {
  return `${cells.map(csvCell).join(',')}\n`;
}

/**
 * A spreadsheet runs what begins like a formula. So a text that somebody chose gets an apostrophe in front of that; numbers
 * may begin with a minus.
 */
function csvCell({ value, isOwn }: Cell): string {
  const safe = isOwn && /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** The same columns, without those that are empty; lists as lists. */
function jsonLine(row: ExportedUsage): string {
  const ids = idsByKind(row.subjects);
  const fields = cellsOf(row)
    .filter(({ value }) => value !== '')
    .map(({ column, value }): [string, unknown] => [column, value]);
  const lists = {
    team: ids.get('team'),
    key: ids.get('key'),
    label: ids.get('label'),
    units: row.units.length === 0 ? undefined : Object.fromEntries(row.units),
    flags: row.flags.length === 0 ? undefined : row.flags,
  };
  return `${JSON.stringify({ ...Object.fromEntries(fields), ...lists })}\n`;
}

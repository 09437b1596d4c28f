import type { Estimate, NamedSubjects } from '../core/call.ts';
import { byCodeUnit } from '../core/meter.ts';
import type { ServedBy } from '../core/served-by.ts';
import type { Units } from '../core/units.ts';
import type { Content } from '../ledger/ledger.ts';
import { secretSha256 } from '../platform/secret.ts';

/** What a request said, field by field as the proto names them, for telling a repeat from a conflict. */
export function requestContent(said: {
  readonly subjects?: NamedSubjects;
  readonly credential?: string | undefined;
  readonly target?: string | undefined;
  readonly served?: ServedBy;
  readonly numbers: { readonly prefix: string; readonly estimate: Estimate };
  readonly ttlMs?: number | undefined;
  readonly partial?: boolean;
  readonly usageUnknown?: boolean;
  readonly parentRequestId?: string | undefined;
  readonly settleNow?: boolean;
}): Content {
  const content: Record<string, string> = {};
  const put = (name: string, value: string | undefined): void => {
    if (value !== undefined) content[name] = value;
  };
  put('target', said.target);
  put('provider', said.served?.provider);
  put('service_tier', said.served?.serviceTier);
  if (said.subjects !== undefined) putSubjects(said.subjects, put);
  if (said.credential !== undefined) {
    put('credential', secretSha256(said.credential).toString('base64'));
  }
  const { prefix, estimate } = said.numbers;
  putNumbers(prefix, estimate, put);
  // A Report has it beside its usage, an Extend adds none.
  const requests = prefix === 'usage' ? 'requests' : `${prefix}.requests`;
  if (estimate.requests > 1n) put(requests, estimate.requests.toString());
  put('ttl', said.ttlMs?.toString());
  if (said.partial === true) put('partial', 'true');
  if (said.usageUnknown === true) put('usage_unknown', 'true');
  put('parent_request_id', said.parentRequestId);
  if (said.settleNow === true) put('settle_now', 'true');
  return content;
}

type Put = (name: string, value: string | undefined) => void;

function putSubjects(subjects: NamedSubjects, put: Put): void {
  if (subjects.teams.length > 0) put('subjects.teams', JSON.stringify(subjects.teams));
  put('subjects.user', subjects.user);
  put('subjects.tier', subjects.tier);
  put('subjects.key', subjects.key);
  put('subjects.principal', subjects.principal);
  put('subjects.app', subjects.app);
  put('subjects.customer', subjects.customer);
  if (subjects.labels.size === 0) return;
  const labels = [...subjects.labels].toSorted(([a], [b]) => byCodeUnit(a, b));
  put('subjects.labels', JSON.stringify(labels));
}

function putNumbers(prefix: string, estimate: Estimate, put: Put): void {
  if (estimate.input !== 0n) put(`${prefix}.input_tokens`, estimate.input.toString());
  put(`${prefix}.output_tokens`, estimate.output?.toString());
  const { reasoningOutput = 0n } = estimate;
  if (reasoningOutput !== 0n) put(`${prefix}.reasoning_output_tokens`, `${reasoningOutput}`);
  if (estimate.cachedInput !== 0n) put(`${prefix}.cached_input_tokens`, `${estimate.cachedInput}`);
  if (estimate.cacheWrite !== 0n) put(`${prefix}.cache_write_tokens`, `${estimate.cacheWrite}`);
  if (estimate.cacheWrite1h !== 0n) {
    put(`${prefix}.cache_write_1h_tokens`, `${estimate.cacheWrite1h}`);
  }
  if (estimate.units.length > 0) put(`${prefix}.units`, unitsText(estimate.units));
  put(`${prefix}.cost_nanos`, estimate.cost?.toString());
}

function unitsText(units: Units): string {
  return units.map(({ name, count }) => `${name} ${count}`).join(', ');
}

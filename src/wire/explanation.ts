import type { ConsideredLimit, LimitStatus, Outcome } from '../core/outcome.ts';
import type { Metric, Window } from '../core/policy.ts';
import type { Reason } from '../core/reason.ts';
import { subjectName } from '../core/subject.ts';
import { limitName } from './limit.ts';

/**
 * A decision in words, for people: the verdict, then one line for each reason or limit that matters.
 * Not a format: programs read the outcome itself.
 */
export function explanationOf(outcome: Outcome): string {
  return [verdict(outcome), ...others(outcome)].join('\n');
}

function verdict(outcome: Outcome): string {
  const binding = outcome.binding === undefined ? undefined : outcome.limits[outcome.binding];
  if (outcome.decision === 'ALLOW') {
    if (binding === undefined) return 'allowed: no limit is in the way';
    return `allowed; tightest is ${said(binding, outcome.decidedAtMs)}`;
  }
  const [first] = outcome.reasons;
  if (binding !== undefined) return `denied by ${said(binding, outcome.decidedAtMs)}`;
  return `denied: ${first === undefined ? 'no reason given' : inWords[first]}`;
}

function others(outcome: Outcome): string[] {
  const lines: string[] = [];
  // What the verdict has said already is not said again.
  const rest = outcome.reasons.slice(1);
  for (const reason of rest) lines.push(`also: ${inWords[reason]}`);
  for (const [index, limit] of outcome.limits.entries()) {
    const word = statusWords[limit.status];
    if (word === undefined || index === outcome.binding) continue;
    lines.push(`${word} ${said(limit, outcome.decidedAtMs)}`);
  }
  if (outcome.maxOutputTokens !== undefined) {
    lines.push(`would pass with at most ${tokens(outcome.maxOutputTokens)} of output`);
  }
  return lines;
}

const statusWords: Readonly<Record<LimitStatus, string | undefined>> = {
  OK: undefined,
  NEAR: 'near',
  WARNED: 'warned by',
  EXCEEDED: 'exceeds',
  DRY_RUN: 'would be denied (dry run) by',
  BYPASSED: 'would be denied, but for a bypass, by',
};

/** `team:red/monthly: 98.20 of 100.00 USD used, 1.50 held, this call asks 0.75; resets in 9 days`. */
function said(limit: ConsideredLimit, nowMs: number): string {
  const text = [
    `${quantity(limit.metric, limit.used)} of ${quantity(limit.metric, limit.amount)}`,
    ` ${units[limit.metric]} used`,
    raised(limit),
    over(limit.window),
    `, ${quantity(limit.metric, limit.held)} held`,
    `, this call asks ${quantity(limit.metric, limit.ask)}`,
    resets(limit.resetsAtMs, nowMs),
  ].join('');
  const inFlight = `${limit.held} of ${limit.amount} calls in flight${raised(limit)}`;
  const numbers = limit.metric === 'CONCURRENCY' ? inFlight : text;
  return `${limitName(limit.subject, limit.name)}${counted(limit)}: ${numbers}`;
}

/** What raises have made of the amount, and until when all of that lasts. */
function raised({ metric, raised: by }: ConsideredLimit): string {
  if (by === undefined) return '';
  const endMs = Math.min(...by.applied.map(({ untilMs }) => untilMs));
  const until = new Date(endMs).toISOString();
  return ` (raised from ${quantity(metric, by.declared)} until ${until})`;
}

/** When the window ends; an Extend may be judged in one that is over. */
function resets(atMs: number | undefined, nowMs: number): string {
  if (atMs === undefined) return '';
  return atMs > nowMs ? `; resets in ${span(atMs - nowMs)}` : `; over since ${span(nowMs - atMs)}`;
}

/** Names the meter where it is not the declaring subject's own. */
function counted(limit: ConsideredLimit): string {
  return limit.meter.name === subjectName(limit.subject) ? '' : ` (counting ${limit.meter.name})`;
}

function over(window: Window | undefined): string {
  return window === 'LIFETIME' ? ' in all' : '';
}

function quantity(metric: Metric, amount: bigint): string {
  return metric === 'COST' ? usd(amount) : String(amount);
}

const units: Readonly<Record<Metric, string>> = {
  COST: 'USD',
  TOKENS: 'tokens',
  INPUT_TOKENS: 'input tokens',
  OUTPUT_TOKENS: 'output tokens',
  REQUESTS: 'requests',
  CONCURRENCY: 'calls',
};

/** Nano-USD as decimal USD, with two decimals or as many as it takes. */
function usd(nanos: bigint): string {
  const digits = String(nanos < 0n ? -nanos : nanos).padStart(10, '0');
  const decimals = digits.slice(-9).replace(/0{1,7}$/, '');
  return `${nanos < 0n ? '-' : ''}${digits.slice(0, -9)}.${decimals}`;
}

function tokens(count: bigint): string {
  return count === 1n ? '1 token' : `${count} tokens`;
}

const spans = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
] as const;

/** A duration in its largest unit, rounded up, so that no caller retries too early. */
function span(ms: number): string {
  const [name, unitMs] = spans.find(([, size]) => ms > size) ?? ['second', 1000];
  const count = Math.max(1, Math.ceil(ms / unitMs));
  return count === 1 ? `1 ${name}` : `${count} ${name}s`;
}

const inWords: Readonly<Record<Reason, string>> = {
  CREDENTIAL_UNKNOWN: 'the credential is not known',
  CREDENTIAL_REVOKED: 'the credential was revoked',
  CREDENTIAL_EXPIRED: 'the credential has expired',
  CREDENTIAL_DISABLED: 'the credential is disabled',
  SCOPE_MISSING: 'the credential lacks the scope model.invoke',
  ORG_SUSPENDED: 'the organization is suspended',
  TEAM_SUSPENDED: 'a team of the call, or an ancestor of one, is suspended',
  USER_SUSPENDED: 'the user is suspended',
  SUBJECT_MISMATCH: 'the request names a subject that its credential or user does not belong to',
  SUBJECT_UNKNOWN: 'a subject is not registered, and this organization wants all to be',
  MODEL_UNKNOWN: 'the target is not in the catalog',
  MODEL_DENIED: 'a deny list names the target',
  MODEL_NOT_GRANTED: 'an allow list leaves the target out',
  MODEL_TIER: "the target's tier is above the ceiling",
  MODEL_UNPRICED: 'the target, or a unit of the call, has no price, and a limit on cost applies',
  CONCURRENCY_EXCEEDED: 'too many calls in flight',
  REQUESTS_EXCEEDED: 'too many requests',
  TOKENS_EXCEEDED: 'too many tokens',
  COST_EXCEEDED: 'too much money',
};

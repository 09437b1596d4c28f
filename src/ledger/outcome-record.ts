import { parseMeterName } from '../core/meter.ts';
import type { ConsideredLimit, LimitStatus, Outcome } from '../core/outcome.ts';
import { actions, metrics, windows } from '../core/policy.ts';
import type { Action, Metric, Window } from '../core/policy.ts';
import { reasons } from '../core/reason.ts';
import { parseSubject, subjectText } from '../core/subject.ts';

/**
 * A first answer as it is kept for replays: JSON of arrays without names, written for every Check, read
 * only for repeats. Numbers of the ledger are texts, exact past 2^53.
 */
type LimitRecord = readonly [
  subject: string,
  name: string,
  revision: number,
  meter: string,
  metric: number,
  window: number,
  amount: string,
  action: number,
  used: string,
  held: string,
  ask: string,
  remaining: string,
  resetsAtMs: number | null,
  status: number,
];

type OutcomeRecord = readonly [
  version: 1,
  allowed: boolean,
  reasons: readonly string[],
  binding: number | null,
  limits: readonly LimitRecord[],
  warnings: readonly number[],
  retryAfterMs: number | null,
  maxOutputTokens: string | null,
  storeContent: Outcome['storeContent'],
  heldCost: string,
  decidedAtMs: number,
  expiresAtMs: number | null,
];

const statuses = ['OK', 'NEAR', 'WARNED', 'EXCEEDED', 'DRY_RUN', 'BYPASSED'] as const;

/** Writes an outcome. */
export function encodeOutcome(outcome: Outcome): string {
  const record: OutcomeRecord = [
    1,
    outcome.decision === 'ALLOW',
    outcome.reasons,
    outcome.binding ?? null,
    outcome.limits.map(limitRecord),
    outcome.warnings,
    outcome.retryAfterMs ?? null,
    outcome.maxOutputTokens?.toString() ?? null,
    outcome.storeContent,
    outcome.heldCost.toString(),
    outcome.decidedAtMs,
    outcome.expiresAtMs ?? null,
  ];
  return JSON.stringify(record);
}

/** Reads what `encodeOutcome` wrote. */
export function decodeOutcome(text: string): Outcome {
  const record = JSON.parse(text) as OutcomeRecord;
  const [, allowed, denied, binding, limits, warnings, retryAfterMs, output, storeContent] = record;
  const [heldCost, decidedAtMs, expiresAtMs] = [record[9], record[10], record[11]];
  return {
    decision: allowed ? 'ALLOW' : 'DENY',
    reasons: reasons.filter((reason) => denied.includes(reason)),
    binding: binding ?? undefined,
    limits: limits.map(consideredLimit),
    warnings,
    retryAfterMs: retryAfterMs ?? undefined,
    maxOutputTokens: output === null ? undefined : BigInt(output),
    storeContent,
    heldCost: BigInt(heldCost),
    decidedAtMs,
    expiresAtMs: expiresAtMs ?? undefined,
  };
}

function limitRecord(limit: ConsideredLimit): LimitRecord {
  return [
    subjectText(limit.subject),
    limit.name,
    limit.revision,
    limit.meter.name,
    metrics.indexOf(limit.metric),
    limit.window === undefined ? -1 : windows.indexOf(limit.window),
    limit.amount.toString(),
    actions.indexOf(limit.action),
    limit.used.toString(),
    limit.held.toString(),
    limit.ask.toString(),
    limit.remaining.toString(),
    limit.resetsAtMs ?? null,
    statuses.indexOf(limit.status),
  ];
}

function consideredLimit(record: LimitRecord): ConsideredLimit {
  const [subjectName, name, revision, meterName, metric, window, amount, action] = record;
  const [used, held, ask, remaining, resetsAtMs, status] = record.slice(8) as unknown as [
    string,
    string,
    string,
    string,
    number | null,
    number,
  ];
  return {
    subject: known(parseSubject(subjectName)),
    name,
    revision,
    meter: known(parseMeterName(meterName)),
    metric: known<Metric>(metrics[metric]),
    window: window < 0 ? undefined : known<Window>(windows[window]),
    amount: BigInt(amount),
    action: known<Action>(actions[action]),
    used: BigInt(used),
    held: BigInt(held),
    ask: BigInt(ask),
    remaining: BigInt(remaining),
    resetsAtMs: resetsAtMs ?? undefined,
    status: known<LimitStatus>(statuses[status]),
  };
}

function known<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('a kept answer names what is not known');
  return value;
}

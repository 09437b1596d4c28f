import { remainingOf, warned } from '../core/conclude.ts';
import { parseMeterName } from '../core/meter.ts';
import type { Meter } from '../core/meter.ts';
import { oncePer } from '../core/once-per.ts';
import type { ConsideredLimit, LimitStatus, Outcome } from '../core/outcome.ts';
import type { CheckPlan, PlannedLimit } from '../core/plan.ts';
import { actions, metrics, windows } from '../core/policy.ts';
import type { Action, Metric, Window } from '../core/policy.ts';
import { reasons } from '../core/reason.ts';
import { parseSubject, subjectText } from '../core/subject.ts';

/**
 * A first answer as it is kept for replays: JSON of arrays without names, written for every Check, read
 * only for repeats. Numbers of the ledger are texts, exact past 2^53. What limits of one metric or window
 * have in common stands once, and what follows from the rest is left out.
 */
type OutcomeRecord = readonly [
  /** `recordVersion`; one of another version cannot be read. */
  version: number,
  allowed: boolean,
  reasons: readonly string[],
  binding: number | null,
  limits: readonly LimitRecord[],
  /** By metric; null where no limit has it. */
  asks: readonly (string | null)[],
  /** By window; null where no limit has it, and for what never ends. */
  resetsAtMs: readonly (number | null)[],
  retryAfterMs: number | null,
  maxOutputTokens: string | null,
  storeContent: Outcome['storeContent'],
  heldCost: string,
  decidedAtMs: number,
  expiresAtMs: number | null,
];

/** What was declared, and how it stood: the last three. */
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
  status: number,
];

const recordVersion = 2;

const statuses = ['OK', 'NEAR', 'WARNED', 'EXCEEDED', 'DRY_RUN', 'BYPASSED'] as const;

/** Writes the outcome of a plan. */
export function encodeOutcome(
  outcome: Outcome,
  plan: Pick<CheckPlan, 'limits' | 'meters'>,
): string {
  const asks: (string | null)[] = metrics.map(() => null);
  const resetsAtMs: (number | null)[] = windows.map(() => null);
  let limits = '';
  const declaredText = declaredTexts(plan.meters);
  for (const [index, limit] of outcome.limits.entries()) {
    const planned = plan.limits[index];
    if (planned === undefined) throw new Error('an outcome has a limit that was not planned');
    asks[metrics.indexOf(limit.metric)] ??= limit.ask.toString();
    if (limit.window !== undefined) {
      resetsAtMs[windows.indexOf(limit.window)] ??= limit.resetsAtMs ?? null;
    }
    const { used, held, status } = limit;
    const declared = declaredText(planned);
    limits += `${index === 0 ? '' : ','}${declared}"${used}","${held}",${statuses.indexOf(status)}]`;
  }
  const before = [outcome.reasons, outcome.binding ?? null];
  const after = [
    asks,
    resetsAtMs,
    outcome.retryAfterMs ?? null,
    outcome.maxOutputTokens?.toString() ?? null,
    outcome.storeContent,
    outcome.heldCost.toString(),
    outcome.decidedAtMs,
    outcome.expiresAtMs ?? null,
  ];
  return `[${recordVersion},${outcome.decision === 'ALLOW'},${inner(before)},[${limits}],${inner(after)}]`;
}

/** The beginning of limits' records, by the meters that they point into; the same for all calls that are alike. */
const declaredTexts = oncePer((meters: readonly Meter[]) =>
  oncePer(({ subject, revision, limit, meterIndex }: PlannedLimit): string => {
    const { name, metric, window, amount, action } = limit;
    const declared = [
      subjectText(subject),
      name,
      revision,
      meters[meterIndex]?.name,
      metrics.indexOf(metric),
      window === undefined ? -1 : windows.indexOf(window),
      amount.toString(),
      actions.indexOf(action),
    ];
    return `[${inner(declared)},`;
  }),
);

/** The JSON of an array without its brackets. */
function inner(array: readonly unknown[]): string {
  return JSON.stringify(array).slice(1, -1);
}

/** Reads what `encodeOutcome` wrote. */
export function decodeOutcome(text: string): Outcome {
  const [
    version,
    allowed,
    denied,
    binding,
    records,
    asks,
    resetsAtMs,
    retryAfterMs,
    maxOutputTokens,
    storeContent,
    heldCost,
    decidedAtMs,
    expiresAtMs,
  ] = JSON.parse(text) as OutcomeRecord;
  if (version !== recordVersion) throw new Error(`a kept answer has version ${version}`);
  const limits = records.map((record) => consideredLimit(record, allowed, asks, resetsAtMs));
  return {
    decision: allowed ? 'ALLOW' : 'DENY',
    reasons: reasons.filter((reason) => denied.includes(reason)),
    binding: binding ?? undefined,
    limits,
    warnings: warned(limits),
    retryAfterMs: retryAfterMs ?? undefined,
    maxOutputTokens: maxOutputTokens === null ? undefined : BigInt(maxOutputTokens),
    storeContent,
    heldCost: BigInt(heldCost),
    decidedAtMs,
    expiresAtMs: expiresAtMs ?? undefined,
  };
}

function consideredLimit(
  record: LimitRecord,
  allowed: boolean,
  asks: readonly (string | null)[],
  resetsAtMs: readonly (number | null)[],
): ConsideredLimit {
  const [subjectName, name, revision, meterName, metric, window, amountText, action] = record;
  const [usedText, heldText, status] = record.slice(8) as [string, string, number];
  const [amount, used, held] = [BigInt(amountText), BigInt(usedText), BigInt(heldText)];
  const ask = BigInt(asks[metric] ?? 0);
  return {
    subject: known(parseSubject(subjectName)),
    name,
    revision,
    meter: known(parseMeterName(meterName)),
    metric: known<Metric>(metrics[metric]),
    window: window < 0 ? undefined : known<Window>(windows[window]),
    amount,
    action: known<Action>(actions[action]),
    used,
    held,
    ask,
    remaining: remainingOf(amount, used + held, ask, allowed),
    resetsAtMs: resetsAtMs[window] ?? undefined,
    status: known<LimitStatus>(statuses[status]),
  };
}

function known<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('a kept answer names what is not known');
  return value;
}

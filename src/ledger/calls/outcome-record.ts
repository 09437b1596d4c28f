import { bindingOnAllow } from '../../core/binding.ts';
import type { CallPath } from '../../core/call.ts';
import { allowance, remainingOf, warned } from '../../core/conclude.ts';
import { declaredTexts } from './declared-limits.ts';
import type { DeclaredLimit, DeclaredTexts } from './declared-limits.ts';
import { raisedOf } from './raised-form.ts';
import { parseMeterName } from '../../core/meter.ts';
import { noBypass } from '../../core/lifted.ts';
import type { ConsideredLimit, LimitStatus, Outcome } from '../../core/outcome.ts';
import type { CheckPlan } from '../../core/plan.ts';
import { actions, metrics, windows } from '../../core/policy.ts';
import type { Action, Metric, Window } from '../../core/policy.ts';
import { reasons } from '../../core/reason.ts';
import { parseSubject } from '../../core/subject.ts';
import { windowAt } from '../../core/window.ts';

/**
 * A first answer as it is kept for replays: JSON of arrays without names, written for every Check, read
 * only for repeats. Numbers of the ledger are texts, exact past 2^53. What limits of one metric or window
 * have in common stands once, and what follows from the rest is left out. How much of each limit was used
 * and held stands beside it, as numbers, since these may be known to the database alone.
 */
type OutcomeRecord = readonly [
  /** `recordForm` of the release that wrote it. */
  form: number,
  allowed: boolean,
  reasons: readonly string[],
  /** An index into the limits, `noBinding`, or null: to be computed again. */
  binding: number | null,
  limits: readonly DeclaredLimit[],
  /** By limit; null where all are OK. */
  statuses: readonly number[] | null,
  /** By metric; null where no limit has it. */
  asks: readonly (string | null)[],
  /** By window; null where no limit has it, and for what never ends. */
  resetsAtMs: readonly (number | null)[],
  retryAfterMs: number | null,
  maxOutputTokens: string | null,
  storeContent: Outcome['storeContent'],
  heldCost: string,
  heldInput: string,
  heldOutput: string,
  priceRevision: string | null,
  decidedAtMs: number,
  expiresAtMs: number | null,
];

/** The form in which this release writes first answers. */
const recordForm = 1;
const noBinding = -1;

const statuses = ['OK', 'NEAR', 'WARNED', 'EXCEEDED', 'DRY_RUN', 'BYPASSED'] as const;

/** A first answer as text, and how its limits stood: used and held of each in turn. */
export interface KeptOutcome {
  readonly text: string;
  readonly sums: readonly bigint[];
}

/** Writes the outcome of a plan. */
export function encodeOutcome(
  outcome: Outcome,
  plan: Pick<CheckPlan, 'limits' | 'meters'>,
): KeptOutcome {
  if (outcome.limits.length !== plan.limits.length) {
    throw new Error('an outcome has limits that were not planned');
  }
  const known = outcome.limits.map(({ status }) => statuses.indexOf(status));
  const asks: (string | null)[] = metrics.map(() => null);
  const resetsAtMs: (number | null)[] = windows.map(() => null);
  for (const { metric, window, ask, resetsAtMs: endMs } of outcome.limits) {
    asks[metrics.indexOf(metric)] ??= ask.toString();
    if (window !== undefined) resetsAtMs[windows.indexOf(window)] ??= endMs ?? null;
  }
  const text = write(declaredTexts(plan.meters)(plan.limits), {
    ...outcome,
    binding: outcome.binding ?? noBinding,
    statuses: known.some((status) => status > 0) ? known : null,
    asks,
    ends: resetsAtMs,
  });
  return { text, sums: outcome.limits.flatMap(({ used, held }) => [used, held]) };
}

/**
 * Writes what the outcome of a plan will be where every limit is OK and no flag lifts any: all but how much
 * was used and held, and which limit was the tightest, which follows from that.
 */
export function encodeExpected(
  plan: Pick<
    CheckPlan,
    | 'limits'
    | 'meters'
    | 'asks'
    | 'hold'
    | 'settledNow'
    | 'calendar'
    | 'storeContent'
    | 'priceRevision'
  >,
  nowMs: number,
  expiresAtMs: number | undefined,
): string {
  const declared = declaredTexts(plan.meters)(plan.limits);
  return write(declared, {
    ...allowance(plan, nowMs, expiresAtMs),
    binding: null,
    statuses: null,
    asks: metrics.map((metric) =>
      declared.metrics.has(metric) ? plan.asks[metric].toString() : null,
    ),
    ends: windows.map((window) =>
      declared.windows.has(window) && window !== 'LIFETIME'
        ? windowAt(plan.calendar, window, nowMs).endMs
        : null,
    ),
  });
}

/** What is written of an outcome beside its limits as they were declared. */
interface Written extends Omit<Outcome, 'binding' | 'limits' | 'warnings'> {
  readonly binding: number | null;
  readonly statuses: readonly number[] | null;
  readonly asks: readonly (string | null)[];
  readonly ends: readonly (number | null)[];
}

function write(declared: DeclaredTexts, outcome: Written): string {
  const before = [outcome.reasons, outcome.binding];
  const after = [
    outcome.statuses,
    outcome.asks,
    outcome.ends,
    outcome.retryAfterMs ?? null,
    outcome.maxOutputTokens?.toString() ?? null,
    outcome.storeContent,
    outcome.heldCost.toString(),
    outcome.heldInput.toString(),
    outcome.heldOutput.toString(),
    outcome.priceRevision ?? null,
    outcome.decidedAtMs,
    outcome.expiresAtMs ?? null,
  ];
  const allowed = outcome.decision === 'ALLOW';
  return `[${recordForm},${allowed},${inner(before)},${declared.text},${inner(after)}]`;
}

/** The JSON of an array without its brackets. */
function inner(array: readonly unknown[]): string {
  return JSON.stringify(array).slice(1, -1);
}

/** Reads what was kept of a call on a path. */
export function decodeOutcome({ text, sums }: KeptOutcome, path: CallPath): Outcome {
  const [
    form,
    allowed,
    denied,
    binding,
    declared,
    known,
    asks,
    resetsAtMs,
    retryAfterMs,
    maxOutputTokens,
    storeContent,
    heldCost,
    heldInput,
    heldOutput,
    priceRevision,
    decidedAtMs,
    expiresAtMs,
  ] = JSON.parse(text) as OutcomeRecord;
  if (form !== recordForm) {
    throw new Error(`a kept answer has form ${form}; this release reads form ${recordForm}`);
  }
  const limits = declared.map((limit, index) => {
    const [used = 0n, held = 0n] = sums.slice(2 * index, 2 * index + 2);
    return consideredLimit(limit, {
      allowed,
      used,
      held,
      asks,
      resetsAtMs,
      status: known?.[index],
    });
  });
  return {
    decision: allowed ? 'ALLOW' : 'DENY',
    reasons: reasons.filter((reason) => denied.includes(reason)),
    binding:
      binding === null ? bindingOnAllow({ path, bypass: noBypass }, limits) : indexOf(binding),
    limits,
    warnings: warned(limits),
    retryAfterMs: retryAfterMs ?? undefined,
    maxOutputTokens: maxOutputTokens === null ? undefined : BigInt(maxOutputTokens),
    storeContent,
    heldCost: BigInt(heldCost),
    heldInput: BigInt(heldInput),
    heldOutput: BigInt(heldOutput),
    priceRevision: priceRevision ?? undefined,
    decidedAtMs,
    expiresAtMs: expiresAtMs ?? undefined,
  };
}

function indexOf(binding: number): number | undefined {
  return binding === noBinding ? undefined : binding;
}

/** How a declared limit stood. */
interface Stood {
  readonly allowed: boolean;
  readonly used: bigint;
  readonly held: bigint;
  readonly asks: OutcomeRecord[6];
  readonly resetsAtMs: OutcomeRecord[7];
  /** Undefined: OK. */
  readonly status: number | undefined;
}

function consideredLimit(
  [
    subjectName,
    name,
    revision,
    meterName,
    metric,
    window,
    amountText,
    action,
    raises,
  ]: DeclaredLimit,
  { allowed, used, held, asks, resetsAtMs, status }: Stood,
): ConsideredLimit {
  const amount = BigInt(amountText);
  const ask = BigInt(asks[metric] ?? 0);
  return {
    subject: known(parseSubject(subjectName)),
    name,
    revision,
    meter: known(parseMeterName(meterName)),
    metric: known<Metric>(metrics[metric]),
    window: window < 0 ? undefined : known<Window>(windows[window]),
    amount,
    raised: raises && raisedOf(amount, raises),
    action: known<Action>(actions[action]),
    used,
    held,
    ask,
    remaining: remainingOf(amount, used + held, ask, allowed),
    resetsAtMs: resetsAtMs[window] ?? undefined,
    status: known<LimitStatus>(statuses[status ?? 0]),
  };
}

function known<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('a kept answer names what is not known');
  return value;
}

import type { Access, Bypass, Limit, Metric, Policy, Window } from './policy.ts';

/** The limits that the form shows, each the one that blocks in its slot: in nano-USD, tokens or requests. */
export interface FormLimits {
  readonly dailyCost: bigint | undefined;
  readonly monthlyCost: bigint | undefined;
  readonly dailyTokens: bigint | undefined;
  readonly monthlyTokens: bigint | undefined;
  readonly requestsPerMinute: bigint | undefined;
  readonly requestsPerHour: bigint | undefined;
  readonly requestsPerDay: bigint | undefined;
}

/** A user's policy as a form with fixed fields. Undefined: none of its own. */
export interface UserPolicyForm extends FormLimits {
  readonly allowedModels: readonly string[];
  readonly blockedModels: readonly string[];
  readonly maxModelTier: number | undefined;
  readonly bypassCost: boolean;
  readonly bypassRate: boolean;
  readonly bypassModels: boolean;
  readonly notes: string;
}

interface Slot {
  readonly metric: Metric;
  readonly window: Window;
  /** What a limit is called that the form makes. */
  readonly name: string;
}

const slots: Readonly<Record<keyof FormLimits, Slot>> = {
  dailyCost: { metric: 'COST', window: 'DAY', name: 'daily-cost' },
  monthlyCost: { metric: 'COST', window: 'MONTH', name: 'monthly-cost' },
  dailyTokens: { metric: 'TOKENS', window: 'DAY', name: 'daily-tokens' },
  monthlyTokens: { metric: 'TOKENS', window: 'MONTH', name: 'monthly-tokens' },
  requestsPerMinute: { metric: 'REQUESTS', window: 'MINUTE', name: 'requests-per-minute' },
  requestsPerHour: { metric: 'REQUESTS', window: 'HOUR', name: 'requests-per-hour' },
  requestsPerDay: { metric: 'REQUESTS', window: 'DAY', name: 'requests-per-day' },
};
const slotFields = Object.keys(slots) as (keyof FormLimits)[];

/** What the form shows of a policy. Of several limits that block in one slot it shows the smallest, which binds. */
export function formOf({ limits, access, bypass, notes }: Policy): UserPolicyForm {
  const amounts = Object.fromEntries(
    slotFields.map((field) => [field, smallest(shownIn(limits, slots[field]))?.amount]),
  ) as unknown as FormLimits;
  return {
    ...amounts,
    allowedModels: access?.allow ?? [],
    blockedModels: access?.deny ?? [],
    maxModelTier: access?.maxTier,
    bypassCost: bypass?.cost ?? false,
    bypassRate: bypass?.rate ?? false,
    bypassModels: bypass?.models ?? false,
    notes,
  };
}

/**
 * What a policy declares that the form cannot show: names of limits as `limits/<name>`, `access.mode`, `bypass.tokens` and
 * `bypass.expire_time`.
 */
export function notShown({ limits, access, bypass }: Policy): readonly string[] {
  const shown = new Set(slotFields.map((field) => smallest(shownIn(limits, slots[field]))));
  const others = limits.filter((limit) => !shown.has(limit)).map(({ name }) => `limits/${name}`);
  if (access?.mode === 'REPLACE') others.push('access.mode');
  if (bypass?.tokens === true) others.push('bypass.tokens');
  if (bypass?.untilMs !== undefined) others.push('bypass.expire_time');
  return others;
}

/**
 * A policy with some fields of the form changed. A limit of the form keeps its name and thresholds when its amount changes;
 * others that block in the same slot are taken out, because they would go on to bind. All that the form cannot show stays.
 */
export function withForm(
  policy: Policy,
  form: UserPolicyForm,
  changed: ReadonlySet<keyof UserPolicyForm>,
): Policy {
  let { limits } = policy;
  for (const field of slotFields) {
    if (changed.has(field)) limits = withSlot(limits, slots[field], form[field]);
  }
  const fields = { ...formOf(policy), ...picked(form, changed) };
  return {
    ...policy,
    limits,
    access: accessOf(policy.access, fields),
    bypass: bypassOf(policy.bypass, fields),
    notes: fields.notes,
  };
}

function picked(
  form: UserPolicyForm,
  changed: ReadonlySet<keyof UserPolicyForm>,
): Partial<UserPolicyForm> {
  return Object.fromEntries([...changed].map((field) => [field, form[field]]));
}

function shownIn(limits: readonly Limit[], { metric, window }: Slot): Limit[] {
  return limits.filter(
    (limit) =>
      limit.metric === metric &&
      limit.window === window &&
      limit.action === 'BLOCK' &&
      limit.for.kind === 'SELF' &&
      limit.targets.length === 0 &&
      limit.enabled &&
      limit.amount !== undefined,
  );
}

function smallest(limits: readonly Limit[]): Limit | undefined {
  return limits.toSorted((a, b) => ((a.amount ?? 0n) < (b.amount ?? 0n) ? -1 : 1))[0];
}

function withSlot(
  limits: readonly Limit[],
  slot: Slot,
  amount: bigint | undefined,
): readonly Limit[] {
  const shown = shownIn(limits, slot);
  const kept = smallest(shown);
  if (amount === undefined) return limits.filter((limit) => !shown.includes(limit));
  if (kept === undefined) return [...limits, newLimit(limits, slot, amount)];
  return limits
    .filter((limit) => limit === kept || !shown.includes(limit))
    .map((limit) => (limit === kept ? { ...limit, amount } : limit));
}

function newLimit(limits: readonly Limit[], { metric, window, name }: Slot, amount: bigint): Limit {
  return {
    name: freeName(limits, name),
    metric,
    window,
    amount,
    action: 'BLOCK',
    thresholds: [80],
    for: { kind: 'SELF' },
    targets: [],
    enabled: true,
  };
}

function freeName(limits: readonly Limit[], name: string): string {
  const taken = new Set(limits.map((limit) => limit.name));
  for (let number = 1; ; number += 1) {
    const free = number === 1 ? name : `${name}-${number}`;
    if (!taken.has(free)) return free;
  }
}

/** Undefined where it would say nothing. */
function accessOf(before: Access | undefined, form: UserPolicyForm): Access | undefined {
  const { allowedModels: allow, blockedModels: deny, maxModelTier: maxTier } = form;
  const isEmpty = allow.length === 0 && deny.length === 0 && maxTier === undefined;
  if (isEmpty && before?.mode !== 'REPLACE') return undefined;
  return { allow, deny, maxTier, mode: before?.mode ?? 'NARROW' };
}

/** Undefined where it would lift nothing. */
function bypassOf(before: Bypass | undefined, form: UserPolicyForm): Bypass | undefined {
  const { bypassCost: cost, bypassRate: rate, bypassModels: models } = form;
  const tokens = before?.tokens ?? false;
  if (!cost && !rate && !models && !tokens) return undefined;
  return { cost, rate, tokens, models, untilMs: before?.untilMs };
}

import { decimalNanos } from './decimal-nanos.ts';
import type { ListedRate, RatePart } from './rate-steps.ts';
import { isObject, writtenNumber } from './written-json.ts';
import type { WrittenObject } from './written-json.ts';

/** Its keys that a revision has a place for; with `_above_<n>_tokens` after it, beyond that length of input. */
const parts: Readonly<Record<string, RatePart>> = {
  input_cost_per_token: 'input',
  output_cost_per_token: 'output',
  cache_read_input_token_cost: 'cachedInput',
  cache_creation_input_token_cost: 'cacheWrite',
  output_cost_per_reasoning_token: 'reasoningOutput',
  input_cost_per_request: 'perRequest',
};
/** From USD per token to nano-USD per million of them; from USD per request to nano-USD. */
const tokenPower = 15;
const requestPower = 9;
const step = /^(.*)_above_(\d{1,9})(k?)_tokens$/;
/** Names of prices; the others say what a model can do. */
const priced = /(?:^|_)(?:cost|price|pricing)(?:_|$)/;
const tiered = 'tiered_pricing';

/** The prices of one entry: those that have a place, the names of those that have none, and what is wrong. */
export interface ModelRates {
  readonly known: readonly ListedRate[];
  readonly unknown: readonly string[];
  readonly fault: string | undefined;
}

/** Reads the prices of one entry of `model_prices_and_context_window.json`. */
export function modelRates(entry: WrittenObject): ModelRates {
  const { [tiered]: tiers, ...flat } = entry;
  const rates = ratesOf(flat, '', 0n);
  return Array.isArray(tiers) ? withTiers(rates, tiers) : rates;
}

function ratesOf(entry: WrittenObject, prefix: string, from: bigint): ModelRates {
  const known: ListedRate[] = [];
  const unknown: string[] = [];
  let fault: string | undefined;
  for (const [name, value] of Object.entries(entry)) {
    if (value === null || !priced.test(name)) continue;
    const [, base = name, digits = '0', thousands = ''] = step.exec(name) ?? [];
    const part = Object.hasOwn(parts, base) ? parts[base] : undefined;
    const text = writtenNumber(value);
    if (part === undefined) {
      if (text === undefined || !isZero(text)) unknown.push(prefix + name);
    } else if (text === undefined) fault ??= `${prefix}${name} must be a number`;
    else {
      const above = BigInt(digits) * (thousands === '' ? 1n : 1_000n);
      const power = part === 'perRequest' ? requestPower : tokenPower;
      known.push({ name: prefix + name, part, above: above > from ? above : from, text, power });
    }
  }
  return { known, unknown, fault };
}

/**
 * Steps by length of input in a list of their own: a call is charged at the step that its input falls into,
 * all of it. Beside them the entry's own prices are those of what no step prices, and never of input.
 */
function withTiers(flat: ModelRates, tiers: readonly unknown[]): ModelRates {
  const read = tiers.map((tier, index) => tierOf(tier, `${tiered}[${index}].`));
  const [first] = read;
  const partsOf = ({ known }: ModelRates): string => known.map(({ part }) => part).join(' ');
  const isEven = read.every((tier) => first !== undefined && partsOf(tier) === partsOf(first));
  const own = new Set(first?.known.map(({ part }) => part));
  const rest = flat.known.filter(({ part }) => !ofInput.has(part) && !own.has(part));
  return {
    known: [...rest, ...read.flatMap(({ known }) => known)],
    unknown: [...flat.unknown, ...new Set(read.flatMap(({ unknown }) => unknown))],
    fault:
      flat.fault ??
      read.find(({ fault }) => fault !== undefined)?.fault ??
      (isEven ? undefined : `${tiered}: its steps do not price the same parts`),
  };
}

const ofInput: ReadonlySet<RatePart> = new Set(['input', 'cachedInput', 'cacheWrite']);

function tierOf(tier: unknown, prefix: string): ModelRates {
  const range = isObject(tier) && Array.isArray(tier['range']) ? tier['range'] : [];
  // Written as 256000, 256000.0 or 2.56e5.
  const from = decimalNanos(writtenNumber(range[0]) ?? '', 0);
  if (!isObject(tier) || from === undefined || from.isRounded) {
    return { known: [], unknown: [], fault: `${prefix}range must begin with a whole number` };
  }
  return ratesOf(tier, prefix, from.nanos);
}

function isZero(text: string): boolean {
  return /^-?[0.]+(?:[eE].*)?$/.test(text);
}

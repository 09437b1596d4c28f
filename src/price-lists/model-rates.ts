import { decimalNanos } from './decimal-nanos.ts';
import { listedPart } from './listed-parts.ts';
import type { ListedRate, RatePart } from './rate-steps.ts';
import { isObject, writtenNumber } from './written-json.ts';
import type { WrittenObject } from './written-json.ts';

const step = /^(.*)_above_(\d{1,9})(k?)_tokens$/;
/** The service tiers by what a key has at its end. */
const tierSuffix = /^(.*)_(flex|priority|batch|batches)$/;
/** Names of prices; the others say what a model can do. */
const priced = /(?:^|_)(?:cost|price|pricing)(?:_|$)/;
const tiered = 'tiered_pricing';
const searches = 'search_context_cost_per_query';
const isSize = /^web_search_(?:low|medium|high)$/;

/** The prices of one entry: those that have a place, the names of those that have none, and what is wrong. */
export interface ModelRates {
  readonly known: readonly ListedRate[];
  readonly unknown: readonly string[];
  readonly fault: string | undefined;
}

/** The prices of one entry without a service tier, and those of each tier that it has prices for. */
export interface TieredRates extends ModelRates {
  readonly serviceTiers: ReadonlyMap<string, Pick<ModelRates, 'known' | 'unknown'>>;
}

/** One price of an entry, by its key without the service tier. */
interface Member {
  readonly name: string;
  readonly key: string;
  readonly value: unknown;
}

/**
 * Reads the prices of one entry of `model_prices_and_context_window.json`. What it has no price for in a service tier
 * costs there what it costs without one.
 */
export function modelRates(entry: WrittenObject, mode: string): TieredRates {
  const { [tiered]: steps, ...flat } = entry;
  const members = membersOf(flat);
  const ofTier = Map.groupBy(members, ({ name }) => tierSuffix.exec(name)?.[2] ?? '');
  const plain = ratesOf(ofTier.get('') ?? [], mode);
  const hasSteps = Array.isArray(steps);
  const rates = hasSteps ? withSteps(plain, steps, mode) : plain;
  const serviceTiers = new Map<string, Pick<ModelRates, 'known' | 'unknown'>>();
  const left: string[] = [];
  let { fault } = rates;
  for (const [suffix, found] of ofTier) {
    if (suffix === '') continue;
    const own = ratesOf(found, mode);
    fault ??= own.fault;
    // Steps in a list of their own have no service tiers.
    if (hasSteps || own.known.every(({ text }) => isZero(text))) {
      left.push(...own.known.filter(({ text }) => !isZero(text)).map(({ name }) => name));
      left.push(...own.unknown);
      continue;
    }
    const known = [...own.known, ...rates.known.filter((rate) => !own.known.some(isFor(rate)))];
    serviceTiers.set(suffix === 'batches' ? 'batch' : suffix, { known, unknown: own.unknown });
  }
  return { known: rates.known, unknown: [...rates.unknown, ...left], fault, serviceTiers };
}

/** Whether a rate is for the same part of a price, from the same length of input on. */
function isFor(rate: ListedRate): (other: ListedRate) => boolean {
  return ({ part, above }) => part === rate.part && above === rate.above;
}

/** The members of an entry that may be prices, those of searches one by one. */
function membersOf(entry: WrittenObject): Member[] {
  return Object.entries(entry).flatMap(([name, value]): Member[] => {
    if (value === null || !priced.test(name)) return [];
    if (name === searches && isObject(value)) return searchMembers(value);
    const [, key = name] = tierSuffix.exec(name) ?? [];
    return [{ name, key, value }];
  });
}

/** Searches by the size of their context: one unit if all sizes cost the same. */
function searchMembers(sizes: WrittenObject): Member[] {
  const members = Object.entries(sizes).flatMap(([size, value]): Member[] => {
    if (value === null) return [];
    const name = `${searches}.${size}`;
    return [{ name, key: size.replace(/^search_context_size_/, 'web_search_'), value }];
  });
  const [first] = members;
  const texts = new Set(members.map(({ value }) => writtenNumber(value)));
  const isOne =
    first !== undefined && texts.size === 1 && members.every(({ key }) => isSize.test(key));
  return isOne ? [{ ...first, name: searches, key: 'web_search' }] : members;
}

function ratesOf(members: readonly Member[], mode: string, prefix = '', from = 0n): ModelRates {
  const known: ListedRate[] = [];
  const unknown: string[] = [];
  let fault: string | undefined;
  for (const { name, key, value } of members) {
    const [, base = key, digits = '0', thousands = ''] = step.exec(key) ?? [];
    const listed = listedPart(base, mode);
    const text = writtenNumber(value);
    const isNothing = text !== undefined && isZero(text);
    if (listed === undefined) {
      if (!isNothing) unknown.push(prefix + name);
    } else if (text === undefined) fault ??= `${prefix}${name} must be a number`;
    // A list writes 0 for a unit that it knows nothing of, too.
    else if (!isNothing || !listed.part.startsWith('unit ')) {
      const above = BigInt(digits) * (thousands === '' ? 1n : 1_000n);
      known.push({ name: prefix + name, ...listed, above: above > from ? above : from, text });
    }
  }
  return { known, unknown, fault };
}

/**
 * Steps by length of input in a list of their own: a call is charged at the step that its input falls into,
 * all of it. Beside them the entry's own prices are those of what no step prices, and never of input.
 */
function withSteps(flat: ModelRates, steps: readonly unknown[], mode: string): ModelRates {
  const read = steps.map((one, index) => stepOf(one, `${tiered}[${index}].`, mode));
  const [first] = read;
  const partsOf = ({ known }: ModelRates): string => known.map(({ part }) => part).join(' ');
  const isEven = read.every((one) => first !== undefined && partsOf(one) === partsOf(first));
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

const ofInput: ReadonlySet<RatePart> = new Set([
  'input',
  'cachedInput',
  'cacheWrite',
  'cacheWrite1h',
]);

function stepOf(one: unknown, prefix: string, mode: string): ModelRates {
  const range = isObject(one) && Array.isArray(one['range']) ? one['range'] : [];
  // Written as 256000, 256000.0 or 2.56e5.
  const from = decimalNanos(writtenNumber(range[0]) ?? '', 0);
  if (!isObject(one) || from === undefined || from.isRounded) {
    return { known: [], unknown: [], fault: `${prefix}range must begin with a whole number` };
  }
  const members = membersOf(one).map((member) => ({ ...member, key: member.name }));
  return ratesOf(members, mode, prefix, from.nanos);
}

function isZero(text: string): boolean {
  return /^-?[0.]+(?:[eE].*)?$/.test(text);
}

import type { Rates } from '../core/catalog.ts';
import { byCodeUnit } from '../core/meter.ts';
import { divideHalfEven } from '../core/cost.ts';
import { decimalNanos } from './decimal-nanos.ts';

/** The parts of a revision's rates that a list may say: those of tokens and requests, and units by name. */
export type RatePart = Exclude<keyof Rates, 'aboveInputTokens' | 'units'> | UnitPart;
type UnitPart = `unit ${string}`;

/** One number of a list: which part it prices, from which length of input on. */
export interface ListedRate {
  /** As the list names it. */
  readonly name: string;
  readonly part: RatePart;
  /** 0: from the start. */
  readonly above: bigint;
  /** The number as it is written. */
  readonly text: string;
  /** What turns it into nano-USD per million tokens or units, as a power of ten; for a request, into nano-USD. */
  readonly power: number;
  /** How many of the units it is for, beyond the power: 3,600 seconds of an hour. Undefined: 1. */
  readonly per?: bigint;
}

/** Rates by ascending length of input, and the parts that were rounded; or what is wrong. */
export type RateSteps =
  | { readonly rates: readonly Rates[]; readonly rounded: readonly string[] }
  | { readonly fault: string };

/** Whether a rate can stand alone: what is read from a cache or thought is priced beside something. */
export function isWholePrice({ part }: ListedRate): boolean {
  return part === 'input' || part === 'output' || part === 'perRequest' || isUnit(part);
}

function isUnit(part: RatePart): part is UnitPart {
  return part.startsWith('unit ');
}

const maxSteps = 8;

/**
 * Puts the numbers of a list together to the rates of a revision: at each length where one of them changes
 * all the others go on as they were.
 */
export function rateSteps(listed: readonly ListedRate[]): RateSteps {
  const read: { readonly rate: ListedRate; readonly nanos: bigint }[] = [];
  const rounded: string[] = [];
  for (const rate of listed) {
    const found = decimalNanos(rate.text, rate.power);
    if (found === undefined) return { fault: `${rate.name}: ${rate.text.slice(0, 40)}` };
    const { per = 1n } = rate;
    read.push({ rate, nanos: divideHalfEven(found.nanos, per) });
    if (found.isRounded || found.nanos % per !== 0n) rounded.push(rate.name);
  }
  const starts = [...new Set([0n, ...listed.map(({ above }) => above)])].toSorted(ascending);
  if (starts.length > maxSteps) return { fault: `more than ${maxSteps} steps by length of input` };
  // Of two numbers for one part, which a list may have under two names, the dearer one.
  const at = (part: RatePart, start: bigint): bigint | undefined =>
    read
      .filter(({ rate }) => rate.part === part && rate.above <= start)
      .toSorted((a, b) => ascending(a.rate.above, b.rate.above) || ascending(a.nanos, b.nanos))
      .at(-1)?.nanos;
  const units = [...new Set(listed.map(({ part }) => part).filter(isUnit))].toSorted(byCodeUnit);
  return {
    rates: starts.map((start) => ({
      aboveInputTokens: start,
      input: at('input', start) ?? 0n,
      output: at('output', start) ?? 0n,
      cachedInput: at('cachedInput', start),
      cacheWrite: at('cacheWrite', start),
      cacheWrite1h: at('cacheWrite1h', start),
      reasoningOutput: at('reasoningOutput', start),
      perRequest: at('perRequest', start) ?? 0n,
      units: units.flatMap((part) => {
        const rate = at(part, start);
        return rate === undefined ? [] : [{ name: part.slice('unit '.length), rate }];
      }),
    })),
    rounded,
  };
}

function ascending(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

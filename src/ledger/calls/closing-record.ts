import type { TargetFacts } from '../../core/call.ts';
import type { ConsideredLimit } from '../../core/outcome.ts';
import { servedBy } from '../../core/served-by.ts';
import { noUnits } from '../../core/units.ts';
import type { Units } from '../../core/units.ts';
import type { Content, PricedUsage } from '../ledger.ts';
import { decodeJson, encodeJson } from './exact-json.ts';
import { targetText } from './target-text.ts';

/** How a call was closed by its Report. */
export interface KnownClosing {
  readonly writtenBy: string;
  readonly content: Content;
  readonly usage: PricedUsage;
  readonly overHold: boolean;
  readonly late: boolean;
  /** The hold had been released, so that a repeated Release is still one. */
  readonly afterRelease: boolean;
  /** There was no Check. */
  readonly postPaid: boolean;
  readonly unattributed: boolean;
  readonly usageAssumed: boolean;
  readonly warnings: readonly ConsideredLimit[];
}

const marks = [
  'overHold',
  'late',
  'afterRelease',
  'postPaid',
  'unattributed',
  'usageAssumed',
] as const;

/** What few closings have; numbers are exact, as `encodeJson` writes them. */
type Rare = readonly [units: Units, warnings: readonly ConsideredLimit[]];

/**
 * A closing as it is kept: JSON of an array without names, written for every Report, read only for repeats. With names and
 * the target it was three times as long, and made most rows of calls so long that PostgreSQL compressed them: 20 µs each.
 */
type ClosingRecord = readonly [
  writtenBy: string,
  content: Content,
  /** Those of `marks` that are true, and `unpriced`. */
  marks: readonly string[],
  /** Cost, input, output, reasoning output, cached input, cache writes, and those for an hour; exact past 2^53. */
  numbers: string,
  priceRevision: string | null,
  provider: string | null,
  serviceTier: string | null,
  /** Null: the target of the call. */
  target: TargetFacts | null,
  rare?: unknown,
];

/** Writes the closing of a call of a target. */
export function encodeClosing(closing: KnownClosing, ofCall: TargetFacts): string {
  const { content, usage, warnings, writtenBy } = closing;
  const { units } = usage;
  const isOfCall = usage.target === ofCall || targetText(usage.target) === targetText(ofCall);
  const isTrue: string[] = marks.filter((mark) => closing[mark]);
  if (usage.unpriced) isTrue.push('unpriced');
  const record: ClosingRecord = [
    writtenBy,
    content,
    isTrue,
    numbersText(usage),
    usage.priceRevision ?? null,
    usage.served.provider ?? null,
    usage.served.serviceTier ?? null,
    isOfCall ? null : usage.target,
  ];
  const text = JSON.stringify(record);
  if (units.length === 0 && warnings.length === 0) return text;
  const rare: Rare = [units, warnings];
  return `${text.slice(0, -1)},${encodeJson(rare)}]`;
}

/** Reads what was kept of the closing of a call of a target. */
export function decodeClosing(text: string, ofCall: TargetFacts): KnownClosing {
  const [writtenBy, content, isTrue, numbers, priceRevision, provider, serviceTier, target, rare] =
    JSON.parse(text) as ClosingRecord;
  const [units, warnings] = rareOf(rare);
  const [cost, input, output, reasoningOutput, cachedInput, cacheWrite, cacheWrite1h] =
    numbersOf(numbers);
  const is = (mark: (typeof marks)[number]): boolean => isTrue.includes(mark);
  return {
    writtenBy,
    content,
    usage: {
      cost,
      input,
      output,
      reasoningOutput,
      cachedInput,
      cacheWrite,
      cacheWrite1h,
      units,
      target: target ?? ofCall,
      served: servedBy(provider ?? undefined, serviceTier ?? undefined),
      priceRevision: priceRevision ?? undefined,
      unpriced: isTrue.includes('unpriced'),
    },
    overHold: is('overHold'),
    late: is('late'),
    afterRelease: is('afterRelease'),
    postPaid: is('postPaid'),
    unattributed: is('unattributed'),
    usageAssumed: is('usageAssumed'),
    warnings,
  };
}

function numbersText(usage: PricedUsage): string {
  const { cost, input, output, reasoningOutput, cachedInput, cacheWrite, cacheWrite1h } = usage;
  return `${cost} ${input} ${output} ${reasoningOutput} ${cachedInput} ${cacheWrite} ${cacheWrite1h}`;
}

type Numbers = readonly [bigint, bigint, bigint, bigint, bigint, bigint, bigint];

function numbersOf(text: string): Numbers {
  const numbers = text.split(' ').map(BigInt);
  if (numbers.length !== 7) throw new Error('a kept closing has other numbers than are known');
  return numbers as unknown as Numbers;
}

function rareOf(rare: unknown): Rare {
  return rare === undefined ? [noUnits, []] : (decodeJson(JSON.stringify(rare)) as Rare);
}

import { servedBy } from '../../core/served-by.ts';
import type { Content, StoredCall } from '../ledger.ts';
import type { Estimate } from '../../core/call.ts';
import { memoizeByObject } from '../../core/memoize-by-object.ts';
import type { Outcome } from '../../core/outcome.ts';
import type { Reason } from '../../core/reason.ts';
import { noUnits } from '../../core/units.ts';
import type { Units } from '../../core/units.ts';
import { plainArray } from '../../db/wire/binary-arrays.ts';
import { numbersOf } from '../../db/wire/number-array.ts';
import type { KeptOutcome } from './outcome-record.ts';
import type { CallRow } from '../sql/read-state.ts';
import { decodeClosing, encodeClosing } from './closing-record.ts';
import type { KnownClosing } from './closing-record.ts';
import { decodeJson, encodeJson } from './exact-json.ts';
import { targetText } from './target-text.ts';

/** A call as it stands in the ledger, with what a repeat is compared with and answered from. */
export interface KnownCall extends StoredCall {
  readonly version: number;
  /** The submission that wrote the call; another one with its request id is a repeat. */
  readonly writtenBy: string;
  /** The submission that released it. */
  readonly releasedBy?: string | undefined;
  /** The Check's content; of a post-paid Report undefined. */
  readonly content: Content | undefined;
  /** The Check's first answer; of a post-paid Report undefined. */
  readonly answer: KeptOutcome | undefined;
  /** Why its Check was denied, the first of the reasons; known of a new call alone, to be written. */
  readonly reason?: Reason | undefined;
  /** By sequence, the first is 1. */
  readonly extends: readonly KnownExtend[];
  readonly closing: KnownClosing | undefined;
}

/** One Extend that was answered; a refused one has used up its sequence too. */
export interface KnownExtend {
  readonly sequence: number;
  readonly writtenBy: string;
  readonly content: Content;
  readonly outcome: Outcome;
}

/** The form in which this release writes the texts of a call. */
const callForm = 1;

/** Texts, exact past 2^53. The last three are there only if one of them is not as of most calls: 0, 1 and no units. */
type EstimateTexts = readonly [
  input?: string | null,
  output?: string | null,
  cachedInput?: string | null,
  cacheWrite?: string | null,
  cost?: string | null,
  cacheWrite1h?: string,
  requests?: string,
  units?: readonly (readonly [name: string, count: string])[],
];

/** What of a call is kept as one JSON text, since no statement reads it. */
interface Detail {
  /** `callForm` of the release that wrote the row; it holds for all texts of the row but the answer. */
  readonly form: number;
  /** Of own prices and of the platform's. */
  readonly epochs: readonly [own: number, platform: number];
  readonly path: StoredCall['path'];
  readonly estimate: EstimateTexts;
  readonly own?: EstimateTexts;
  readonly ttlMs: number;
  readonly sequence: number;
  readonly writtenBy: string;
  readonly releasedBy?: string;
  readonly provider?: string;
  readonly serviceTier?: string;
}

/** Calls of the same path share it, so its text is made once for many calls. */
const pathText = memoizeByObject((path: StoredCall['path']) => JSON.stringify(path));

/** The texts of a call's row. */
export function callTexts(call: KnownCall): {
  content: string;
  answer: string;
  sums: string;
  detail: string;
  facts: string;
  extends: string;
  closing: string | null;
} {
  return {
    content: call.content === undefined ? '' : JSON.stringify(call.content),
    answer: call.answer?.text ?? '',
    sums: plainArray(call.answer?.sums ?? []),
    detail: detailText(call),
    facts: targetText(call.target),
    extends: call.extends.length === 0 ? '[]' : encodeJson(call.extends),
    closing: call.closing === undefined ? null : encodeClosing(call.closing, call.target),
  };
}

/** JSON of a `Detail`. */
function detailText(call: KnownCall): string {
  const { priceEpochs, path, served, estimate, own, ttlMs, sequence, writtenBy, releasedBy } = call;
  const released = releasedBy === undefined ? '' : `,"releasedBy":"${releasedBy}"`;
  const ownPart = own === undefined ? '' : `,"own":${estimateText(own)}`;
  return (
    `{"form":${callForm},"epochs":[${priceEpochs.own},${priceEpochs.platform}],"path":${pathText(path)},"estimate":${estimateText(estimate)}${ownPart},` +
    `"ttlMs":${ttlMs},"sequence":${sequence},"writtenBy":"${writtenBy}"${released}${servedText(served)}}`
  );
}

function servedText({ provider, serviceTier }: StoredCall['served']): string {
  const ofProvider = provider === undefined ? '' : `,"provider":${JSON.stringify(provider)}`;
  return serviceTier === undefined ? ofProvider : `${ofProvider},"serviceTier":"${serviceTier}"`;
}

/** JSON of `EstimateTexts`. */
function estimateText(estimate: Estimate): string {
  const { input, output, cachedInput, cacheWrite, cost, cacheWrite1h, requests, units } = estimate;
  const numbers = [input, output, cachedInput, cacheWrite, cost].map((part) =>
    part === undefined ? 'null' : `"${part}"`,
  );
  const isUsual = cacheWrite1h === 0n && requests === 1n && units.length === 0;
  if (!isUsual) numbers.push(`"${cacheWrite1h}"`, `"${requests}"`, unitsText(units));
  return `[${numbers.join(',')}]`;
}

function unitsText(units: Units): string {
  return JSON.stringify(units.map(({ name, count }) => [name, count.toString()]));
}

function estimateOf(texts: EstimateTexts): Estimate {
  const [input, output, cachedInput, cacheWrite, cost, cacheWrite1h, requests, units] = texts;
  const number = (text: string | null | undefined): bigint | undefined =>
    text === null || text === undefined ? undefined : BigInt(text);
  return {
    input: number(input) ?? 0n,
    output: number(output),
    // Of a Check's estimate it is never known, and a post-paid call is not priced again.
    reasoningOutput: undefined,
    cachedInput: number(cachedInput) ?? 0n,
    cacheWrite: number(cacheWrite) ?? 0n,
    cacheWrite1h: number(cacheWrite1h) ?? 0n,
    requests: number(requests) ?? 1n,
    units: units?.map(([name, count]) => ({ name, count: BigInt(count) })) ?? noUnits,
    cost: number(cost),
  };
}

/** Reads a call's row. */
export function knownCall(row: CallRow): KnownCall {
  const { form, epochs, estimate, own, provider, serviceTier, ...detail } = JSON.parse(
    row.detail,
  ) as Detail;
  if (form !== callForm) {
    throw new Error(`a call has form ${form}; this release reads form ${callForm}`);
  }
  const target = JSON.parse(row.facts) as StoredCall['target'];
  return {
    ...detail,
    priceEpochs: { own: epochs[0], platform: epochs[1] },
    estimate: estimateOf(estimate),
    ...(own === undefined ? {} : { own: estimateOf(own) }),
    orgId: row.org_id,
    requestId: row.request_id,
    state: row.state as StoredCall['state'],
    version: Number(row.version),
    target,
    served: servedBy(provider, serviceTier),
    held: {
      cost: BigInt(row.held_cost),
      input: BigInt(row.held_input),
      output: BigInt(row.held_output),
    },
    bookedAtMs: Number(row.booked_at),
    expiresAtMs: Number(row.expires_at),
    content: row.content === '' ? undefined : (JSON.parse(row.content) as Content),
    answer: row.answer === '' ? undefined : { text: row.answer, sums: numbersOf(row.sums) },
    extends: decodeJson(row.extends) as KnownExtend[],
    closing: row.closing === null ? undefined : decodeClosing(row.closing, target),
  };
}

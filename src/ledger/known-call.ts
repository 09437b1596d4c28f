import type { Content, PricedUsage, StoredCall } from './ledger.ts';
import type { Outcome } from '../core/outcome.ts';
import type { CallRow } from './sql/read-state.ts';
import { decodeJson, encodeJson } from './exact-json.ts';

/** A call as it stands in the ledger, with what a repeat is compared with and answered from. */
export interface KnownCall extends StoredCall {
  readonly version: number;
  /** The Check's content; of a post-paid Report undefined. */
  readonly content: Content | undefined;
  /** The Check's first answer; of a post-paid Report undefined. */
  readonly outcome: Outcome | undefined;
  /** By sequence, the first is 1. */
  readonly extends: readonly KnownExtend[];
  readonly closing: KnownClosing | undefined;
  /** The base meters charged. */
  readonly subjects: readonly string[];
}

/** One Extend that was answered; a refused one has used up its sequence too. */
export interface KnownExtend {
  readonly sequence: number;
  readonly content: Content;
  readonly outcome: Outcome;
}

/** How a call was closed by its Report. */
export interface KnownClosing {
  readonly content: Content;
  readonly usage: PricedUsage;
  readonly overHold: boolean;
  readonly late: boolean;
}

/** What of a call is kept as one JSON text, since no statement reads it. */
interface Detail {
  readonly epoch: number;
  readonly path: StoredCall['path'];
  readonly estimate: StoredCall['estimate'];
  readonly ttlMs: number;
  readonly sequence: number;
  readonly subjects: readonly string[];
}

/** The texts of a call's row. */
export function callTexts(call: KnownCall): {
  content: string;
  answer: string;
  detail: string;
  facts: string;
  extends: string;
  closing: string | null;
} {
  const { epoch, path, estimate, ttlMs, sequence, subjects } = call;
  const detail: Detail = { epoch, path, estimate, ttlMs, sequence, subjects };
  return {
    content: call.content === undefined ? '' : encodeJson(call.content),
    answer: call.outcome === undefined ? '' : encodeJson(call.outcome),
    detail: encodeJson(detail),
    facts: encodeJson(call.target),
    extends: encodeJson(call.extends),
    closing: call.closing === undefined ? null : encodeJson(call.closing),
  };
}

/** Reads a call's row. */
export function knownCall(row: CallRow): KnownCall {
  const detail = decodeJson<Detail>(row.detail);
  return {
    ...detail,
    orgId: row.org_id,
    requestId: row.request_id,
    state: row.state,
    version: row.version,
    target: decodeJson<StoredCall['target']>(row.facts),
    held: {
      cost: BigInt(row.held_cost),
      input: BigInt(row.held_input),
      output: BigInt(row.held_output),
    },
    bookedAtMs: Number(row.booked_at),
    expiresAtMs: Number(row.expires_at),
    content: row.content === '' ? undefined : decodeJson<Content>(row.content),
    outcome: row.answer === '' ? undefined : decodeJson<Outcome>(row.answer),
    extends: decodeJson<KnownExtend[]>(row.extends),
    closing: row.closing === null ? undefined : decodeJson<KnownClosing>(row.closing),
  };
}

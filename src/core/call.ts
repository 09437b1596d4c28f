import type { CountsOnly } from './counts-only.ts';
import type { ServedBy } from './served-by.ts';
import { noUnits } from './units.ts';
import type { Units } from './units.ts';

/** What a caller says of a call, after validation: subjects, target, estimate. Absent is undefined. */
export interface CallRequest {
  readonly subjects: NamedSubjects;
  /** What was found for the presented secret, if one was presented. */
  readonly credential: PresentedCredential | undefined;
  readonly target: string;
  readonly served: ServedBy;
  readonly estimate: Estimate;
  /** No Report will come: it is booked at the Check. Absent: it is held. */
  readonly settleNow?: boolean;
}

/** The subjects named in a request. */
export interface NamedSubjects {
  readonly teams: readonly string[];
  readonly user: string | undefined;
  readonly tier: string | undefined;
  readonly key: string | undefined;
  readonly principal: string | undefined;
  readonly app: string | undefined;
  readonly customer: string | undefined;
  readonly labels: ReadonlyMap<string, string>;
}

/** A secret that was presented: the credential it belongs to in this organization, or none. */
export type PresentedCredential =
  { readonly kind: 'key' | 'token'; readonly id: string } | 'UNKNOWN';

/** Tokens, units and nano-USD that a call may use, or did use. */
export interface Estimate {
  /** All input tokens: cached ones and cache writes are parts of them. */
  readonly input: bigint;
  /** Undefined: not said. */
  readonly output: bigint | undefined;
  /** The part of `output` that was reasoning. Undefined: not known, so all of it may be. */
  readonly reasoningOutput: bigint | undefined;
  /** A part of `input`. */
  readonly cachedInput: bigint;
  /** Another part of `input`. */
  readonly cacheWrite: bigint;
  /** The part of `cacheWrite` that is kept for an hour. */
  readonly cacheWrite1h: bigint;
  readonly units: Units;
  /** How many requests the call counts as: its weight. */
  readonly requests: bigint;
  /** Nano-USD, when the caller knows the cost itself. */
  readonly cost: bigint | undefined;
}

/** What a call asks that says nothing. */
export const unknownEstimate: Estimate = {
  input: 0n,
  output: undefined,
  reasoningOutput: undefined,
  cachedInput: 0n,
  cacheWrite: 0n,
  cacheWrite1h: 0n,
  units: noUnits,
  requests: 1n,
  cost: undefined,
};

/** Who one call is charged to, resolved: teams include all ancestors. Stored with the call. */
export interface CallPath {
  /** Teams named or registered, without their ancestors. */
  readonly ownTeams: readonly string[];
  /** Every team on the path with its distance (0 for own teams; the shortest way counts), nearest first, then by id. */
  readonly teams: readonly { readonly id: string; readonly distance: number }[];
  readonly user: string | undefined;
  readonly tier: string | undefined;
  /** Keys on the path: the presented one and the named one. */
  readonly keys: readonly string[];
  readonly token: string | undefined;
  readonly principal: string | undefined;
  readonly app: string | undefined;
  readonly customer: string | undefined;
  /** `key=value`, sorted. */
  readonly labels: readonly string[];
}

/** What a target was at call time: itself, and for a route group its members. Stored with the call. */
export interface TargetFacts {
  readonly name: string;
  readonly kind: 'MODEL' | 'ROUTE_GROUP' | 'UNKNOWN';
  readonly provider: string | undefined;
  readonly groups: readonly string[];
  readonly members: readonly {
    readonly name: string;
    readonly provider: string | undefined;
    readonly groups: readonly string[];
  }[];
  /** Of a row of the record that counts in some windows only. */
  readonly only?: CountsOnly;
}

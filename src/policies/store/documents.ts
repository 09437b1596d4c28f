import type { Model, PriceRevision, Rates } from '../../core/catalog.ts';
import type { Limit, Policy } from '../../core/policy.ts';
import type { RecordKind, RecordOf } from '../policy-store.ts';

/** The form a value takes in a jsonb column: bigints are text, so that they stay exact. */
export type Doc<T> = T extends bigint
  ? string
  : T extends readonly (infer Item)[]
    ? readonly Doc<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Doc<T[Key]> }
      : T;

/** Writes a value for a jsonb column. */
export function encodeDoc(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'bigint' ? part.toString() : part,
  );
}

const decoders: { readonly [K in RecordKind]: (doc: Doc<RecordOf[K]>) => RecordOf[K] } = {
  team: (doc) => doc,
  user: (doc) => doc,
  principal: (doc) => doc,
  app: (doc) => doc,
  customer: (doc) => doc,
  key: (doc) => doc,
  token: (doc) => doc,
  model: decodeModel,
  route_group: (doc) => doc,
  model_group: (doc) => doc,
};

/** Reads a record's column back. */
export function decodeRecord<K extends RecordKind>(kind: K, doc: Doc<RecordOf[K]>): RecordOf[K] {
  return decoders[kind](doc);
}

function decodeModel(doc: Doc<Model>): Model {
  return {
    ...doc,
    defaultOutputTokens: optionalBigInt(doc.defaultOutputTokens),
    contextWindow: optionalBigInt(doc.contextWindow),
  };
}

/** Reads a policy's column back. */
export function decodePolicy(doc: Doc<Policy>): Policy {
  return { ...doc, limits: doc.limits.map(decodeLimit) };
}

function decodeLimit(doc: Doc<Limit>): Limit {
  return { ...doc, amount: optionalBigInt(doc.amount) };
}

/** Reads a price back. */
export function decodePrice(doc: Doc<PriceRevision>): PriceRevision {
  const perTokens = doc.perTokens === '1000' ? 1_000n : 1_000_000n;
  return { ...doc, perTokens, rates: doc.rates.map(decodeRates) };
}

function decodeRates(doc: Doc<Rates>): Rates {
  return {
    aboveInputTokens: BigInt(doc.aboveInputTokens),
    input: BigInt(doc.input),
    output: BigInt(doc.output),
    cachedInput: optionalBigInt(doc.cachedInput),
    cacheWrite: optionalBigInt(doc.cacheWrite),
    reasoningOutput: optionalBigInt(doc.reasoningOutput),
    perRequest: BigInt(doc.perRequest),
  };
}

function optionalBigInt(text: string | undefined): bigint | undefined {
  return text === undefined ? undefined : BigInt(text);
}

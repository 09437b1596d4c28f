import { createFairCache } from '../../platform/fair-cache.ts';
import { noUnits } from '../../core/units.ts';
import { callKey } from './call-key.ts';
import type { KnownCall } from './known-call.ts';

/**
 * The last calls of a replica as they stand, for what Reports, Releases and Extends need of them: without the
 * request's content and the first answer. It only spares look-ups.
 */
export interface CallMemory {
  has(orgId: string, requestId: string): boolean;
  get(orgId: string, requestId: string): KnownCall | undefined;
  set(call: KnownCall): void;
  forget(orgId: string, requestId: string): void;
}

/**
 * A call that nothing has happened to yet, in one object, tokens as plain numbers. There are tens of thousands of them, and
 * the garbage collector copies each part of what lives that long more than once.
 */
interface Packed extends Pick<
  KnownCall,
  | 'state'
  | 'writtenBy'
  | 'priceEpochs'
  | 'path'
  | 'target'
  | 'served'
  | 'ttlMs'
  | 'bookedAtMs'
  | 'expiresAtMs'
> {
  readonly input: number;
  readonly output: number | undefined;
  readonly cachedInput: number;
  readonly cacheWrite: number;
  readonly cacheWrite1h: number;
  readonly requests: number;
  readonly cost: bigint | undefined;
  readonly heldCost: bigint;
  readonly heldInput: number;
  readonly heldOutput: number;
}

/** Remembers `max` calls, in which organizations have shares. */
export function createCallMemory(max: number): CallMemory {
  const calls = createFairCache<string, Packed | KnownCall>({ max });
  return {
    has: (orgId, requestId) => calls.has(callKey(orgId, requestId)),
    get(orgId, requestId) {
      const found = calls.get(callKey(orgId, requestId));
      if (found === undefined || 'requestId' in found) return found;
      return unpacked(orgId, requestId, found);
    },
    set(call) {
      const kept = packed(call) ?? { ...call, content: undefined, answer: undefined };
      calls.set(call.orgId, callKey(call.orgId, call.requestId), kept);
    },
    forget: (orgId, requestId) => calls.delete(callKey(orgId, requestId)),
  };
}

/** Undefined where something has happened to the call, it has units, or a number is too large to be plain. */
function packed(call: KnownCall): Packed | undefined {
  const { estimate, held, state, writtenBy, priceEpochs, path, target, served } = call;
  const { ttlMs, bookedAtMs, expiresAtMs } = call;
  if (call.version !== 1 || call.closing !== undefined) return undefined;
  if (estimate.reasoningOutput !== undefined || estimate.units.length > 0) return undefined;
  const { input, output, cachedInput, cacheWrite, cacheWrite1h, requests, cost } = estimate;
  const estimated = [input, output, cachedInput, cacheWrite, cacheWrite1h].every(isPlain);
  if (!estimated || !isPlain(held.input) || !isPlain(held.output)) return undefined;
  return {
    state,
    writtenBy,
    priceEpochs,
    path,
    target,
    served,
    ttlMs,
    bookedAtMs,
    expiresAtMs,
    input: Number(input),
    output: output === undefined ? undefined : Number(output),
    cachedInput: Number(cachedInput),
    cacheWrite: Number(cacheWrite),
    cacheWrite1h: Number(cacheWrite1h),
    requests: Number(requests),
    cost,
    heldCost: held.cost,
    heldInput: Number(held.input),
    heldOutput: Number(held.output),
  };
}

function isPlain(value: bigint | undefined): boolean {
  return value === undefined || (value >= 0n && value <= 9_007_199_254_740_991n);
}

function unpacked(orgId: string, requestId: string, call: Packed): KnownCall {
  const { state, writtenBy, priceEpochs, path, target, served } = call;
  const { ttlMs, bookedAtMs, expiresAtMs } = call;
  return {
    orgId,
    requestId,
    state,
    version: 1,
    writtenBy,
    priceEpochs,
    path,
    target,
    served,
    estimate: {
      input: BigInt(call.input),
      output: call.output === undefined ? undefined : BigInt(call.output),
      reasoningOutput: undefined,
      cachedInput: BigInt(call.cachedInput),
      cacheWrite: BigInt(call.cacheWrite),
      cacheWrite1h: BigInt(call.cacheWrite1h),
      units: noUnits,
      requests: BigInt(call.requests),
      cost: call.cost,
    },
    held: {
      cost: call.heldCost,
      input: BigInt(call.heldInput),
      output: BigInt(call.heldOutput),
    },
    ttlMs,
    bookedAtMs,
    expiresAtMs,
    sequence: 0,
    content: undefined,
    answer: undefined,
    extends: [],
    closing: undefined,
  };
}

import { describe, expect, it } from 'vitest';
import { resolvePath } from '../../src/core/path.ts';
import { servedBy } from '../../src/core/served-by.ts';
import { targetFacts } from '../../src/core/target.ts';
import { assumedUsage } from '../../src/core/unknown-usage.ts';
import type { UnreportedCall } from '../../src/core/unknown-usage.ts';
import { callOf, estimateOf, viewOf } from '../support/view.ts';

const view = viewOf({
  models: [
    { id: 'm', provider: 'openai' },
    { id: 'n', provider: 'openai' },
  ],
  prices: [
    { subject: 'm', rates: [{ input: 1_000_000n }] },
    { subject: 'm', serviceTier: 'flex', rates: [{ input: 2_000_000n }] },
    { scope: 'PROVIDER_MODEL', subject: 'azure:m', rates: [{ input: 3_000_000n }] },
    { subject: 'n', rates: [{ input: 4_000_000n }] },
  ],
});
const estimate = estimateOf({ input: 10n, output: 0n });

/** A call that holds 77 nano-USD, which no price says, as its Check names who serves it. */
function checked(provider?: string, serviceTier?: string): UnreportedCall {
  return {
    path: resolvePath(view, callOf({}), 0).path,
    target: targetFacts(view, 'm'),
    served: servedBy(provider, serviceTier),
    estimate,
    held: { cost: 77n, input: 10n, output: 0n },
    priceEpochs: { own: 1, platform: 0 },
    bookedAtMs: 0,
  };
}

const booked = (call: UnreportedCall, name: string, provider?: string, serviceTier?: string) => {
  const served = servedBy(provider, serviceTier);
  const inTheEnd = { path: call.path, target: targetFacts(view, name), served };
  return assumedUsage(view, call, 'HELD', inTheEnd).priced.cost;
};

describe('what is held for a call of unknown usage', () => {
  it('is booked as it is where the call was served as the Check asked', () => {
    expect(booked(checked(), 'm')).toBe(77n);
    expect(booked(checked('azure', 'flex'), 'm', 'azure', 'flex')).toBe(77n);
    expect(booked(checked(), 'm', 'openai')).toBe(77n);
    expect(booked(checked('openai'), 'm')).toBe(77n);
  });

  // Planted, and seen red each: the target, the provider, and the service tier left out of the comparison.
  it('is priced again by another target, provider or service tier', () => {
    expect(booked(checked(), 'm', undefined, 'flex')).toBe(20n);
    expect(booked(checked(undefined, 'flex'), 'm')).toBe(10n);
    expect(booked(checked(), 'm', 'azure')).toBe(30n);
    expect(booked(checked('azure'), 'm', 'openai')).toBe(10n);
    expect(booked(checked(), 'n')).toBe(40n);
  });
});

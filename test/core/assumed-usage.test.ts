import { describe, expect, it } from 'vitest';
import type { Estimate } from '../../src/core/call.ts';
import { resolvePath } from '../../src/core/path.ts';
import { asCataloged } from '../../src/core/served-by.ts';
import { targetFacts } from '../../src/core/target.ts';
import { assumedUsage, nothingAssumed } from '../../src/core/unknown-usage.ts';
import type { UnreportedCall } from '../../src/core/unknown-usage.ts';
import { callOf, estimateOf, viewOf } from '../support/view.ts';

/** 1 nano-USD for an input token, 2 for an output token, 100 for a request, 1000 for an image, of `a`; tenfold of `b`. */
const view = viewOf({
  models: [{ id: 'a' }, { id: 'b' }, { id: 'steps' }],
  prices: [
    {
      subject: 'a',
      rates: [
        {
          input: 1_000_000n,
          output: 2_000_000n,
          perRequest: 100n,
          units: [{ name: 'image', rate: 1_000_000_000n }],
        },
      ],
    },
    { subject: 'b', rates: [{ input: 10_000_000n, output: 20_000_000n, perRequest: 1000n }] },
    {
      subject: 'steps',
      rates: [{ input: 1_000_000n }, { aboveInputTokens: 12n, input: 0n }],
    },
  ],
});

const image = [{ name: 'image', count: 2n }];

/** A call of `a` that holds 777 nano-USD, which no price says. */
function heldCall(
  estimate: Partial<Estimate>,
  own?: Partial<Estimate>,
  target = 'a',
): UnreportedCall {
  const whole = estimateOf(estimate);
  return {
    path: resolvePath(view, callOf({}), 0).path,
    target: targetFacts(view, target),
    served: asCataloged,
    estimate: whole,
    held: { cost: 777n, input: whole.input, output: whole.output ?? 0n },
    own: own && estimateOf(own),
    priceEpochs: { own: 1, platform: 0 },
    bookedAtMs: 0,
  };
}

function assumed(call: UnreportedCall, rule: 'HELD' | 'INPUT', servedBy = call.target.name) {
  const inTheEnd = { path: call.path, target: targetFacts(view, servedBy), served: asCataloged };
  const { usage, priced } = assumedUsage(view, call, rule, inTheEnd);
  return { ...usage, ...priced };
}

const asked = { input: 10n, cachedInput: 4n, output: 5n, requests: 3n, units: image };

describe('what is booked where usage is not known', () => {
  it('is the hold as it stands, or its input alone at its price', () => {
    const call = heldCall(asked);
    expect(assumed(call, 'HELD')).toMatchObject({ ...asked, cost: 777n, unpriced: false });
    expect(assumed(call, 'INPUT')).toMatchObject({
      ...asked,
      output: 0n,
      units: [],
      cost: 310n,
      unpriced: false,
      priceRevision: 'MODEL a 1',
    });
  });

  it('is priced by what served, and is unpriced where that has no rate', () => {
    expect(assumed(heldCall(asked), 'HELD', 'b')).toMatchObject({
      cost: 3200n,
      unpriced: true,
      priceRevision: 'MODEL b 1',
    });
    const withoutUnits = heldCall({ ...asked, units: [] });
    expect(assumed(withoutUnits, 'HELD', 'b')).toMatchObject({ cost: 3200n, unpriced: false });
    expect(assumed(heldCall(asked), 'INPUT', 'b')).toMatchObject({ cost: 3100n, unpriced: false });
  });

  it('keeps a cost that the Check gave, and books it whole or not at all', () => {
    const call = heldCall({ ...asked, cost: 77n });
    expect(assumed(call, 'HELD')).toMatchObject({ ...asked, cost: 777n });
    const whole = { cost: 77n, unpriced: false, priceRevision: undefined };
    expect(assumed(call, 'HELD', 'b')).toMatchObject(whole);
    expect(assumed(call, 'INPUT')).toMatchObject({ ...whole, cost: 0n, input: 10n, output: 0n });
  });

  it('adds the price of what Extends added to a cost that the Check gave', () => {
    const own = { ...asked, cost: 77n };
    const more = heldCall({ ...asked, input: 13n, output: 9n, cost: 77n }, own);
    expect(assumed(more, 'HELD', 'b')).toMatchObject({ cost: 187n, unpriced: false });
    expect(assumed(more, 'INPUT')).toMatchObject({ cost: 3n, unpriced: false });
    const moreUnits = heldCall({ ...own, units: [{ name: 'image', count: 3n }] }, own);
    expect(assumed(moreUnits, 'HELD', 'b')).toMatchObject({ cost: 77n, unpriced: true });
    const moreOutput = heldCall({ ...own, output: 6n }, own);
    expect(assumed(moreOutput, 'HELD', 'b')).toMatchObject({ cost: 97n, unpriced: false });
  });

  it('never takes from a cost that was given, where more input costs less', () => {
    const own = { input: 10n, output: 0n, cost: 77n };
    const call = heldCall({ ...own, input: 13n }, own);
    expect(assumed(call, 'HELD', 'steps')).toMatchObject({ cost: 77n });
  });

  it('prices the Check where an Extend gave its cost', () => {
    const own = { input: 0n, output: 4n, requests: 0n, cost: 50n };
    const call = heldCall({ ...asked, units: [], output: 9n }, own);
    expect(assumed(call, 'HELD', 'b')).toMatchObject({ cost: 3250n, output: 9n });
    expect(assumed(call, 'INPUT')).toMatchObject({ cost: 310n, output: 0n });
  });

  it('is nothing where nothing was ever held', () => {
    expect(nothingAssumed).toEqual({
      usage: { ...estimateOf({}), output: 0n, reasoningOutput: 0n, requests: 0n },
      priced: { cost: 0n, priceRevision: undefined, unpriced: false },
    });
  });
});

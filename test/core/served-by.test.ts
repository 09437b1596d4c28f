import { describe, expect, it } from 'vitest';
import { asCataloged, servedBy, servedInTheEnd } from '../../src/core/served-by.ts';

describe('who served a call in the end', () => {
  const checked = { provider: 'azure', serviceTier: 'flex' };

  it('is as the Check says where the Report says nothing', () => {
    expect(servedInTheEnd(checked, asCataloged, true)).toEqual(checked);
    expect(servedInTheEnd(asCataloged, asCataloged, true)).toBe(asCataloged);
  });

  it('is as the Report says, part by part', () => {
    const provider = { provider: 'groq', serviceTier: undefined };
    expect(servedInTheEnd(checked, provider, true)).toEqual({ ...checked, provider: 'groq' });
    const tier = { provider: undefined, serviceTier: 'batch' };
    expect(servedInTheEnd(checked, tier, true)).toEqual({ ...checked, serviceTier: 'batch' });
    expect(servedInTheEnd(asCataloged, provider, true)).toEqual(provider);
  });

  it('of another target keeps the service tier of the Check, and not its provider', () => {
    const kept = { provider: undefined, serviceTier: 'flex' };
    expect(servedInTheEnd(checked, asCataloged, false)).toEqual(kept);
    const named = { provider: 'groq', serviceTier: undefined };
    expect(servedInTheEnd(checked, named, false)).toEqual({ ...kept, provider: 'groq' });
  });
});

it('a call that names neither makes no object of its own', () => {
  expect(servedBy(undefined, undefined)).toBe(asCataloged);
  expect(servedBy('azure', undefined)).toEqual({ provider: 'azure', serviceTier: undefined });
  expect(servedBy(undefined, 'flex')).toEqual({ provider: undefined, serviceTier: 'flex' });
});

import { expect, it } from 'vitest';
import { ratioOf } from '../../bench/measure.ts';
import type { Figure } from '../../bench/measure.ts';

function figure(perSecond: number, generatorShare: number): Figure {
  const cpuUs = { server: 0, database: 0, generator: 0 };
  const load = { sent: 0, answered: 0, seconds: 1, p50Ms: 0, p99Ms: 0 };
  return { ...load, perSecond, generatorShare, cpuUs, walBytes: 0, transactions: 0 };
}

it('compares the rates of two loads', () => {
  expect(ratioOf(figure(3_000, 0.1), figure(9_000, 0.3))).toBe(0.333);
});

// Red for the second when only the figure's own share was looked at.
it('refuses to compare where the load generator took more than a third of the machine', () => {
  expect(ratioOf(figure(3_000, 0.34), figure(9_000, 0.3))).toBeUndefined();
  expect(ratioOf(figure(3_000, 0.1), figure(9_000, 0.34))).toBeUndefined();
});

import { describe, expect, it } from 'vitest';
import { addUnits, noUnits, unitsOf } from '../../src/core/units.ts';

const of = (counts: Record<string, bigint>) =>
  unitsOf(Object.entries(counts).map(([name, count]) => ({ name, count })));

describe('units', () => {
  it('stand in the order of their names, without those at 0', () => {
    expect(of({ search: 2n, image: 1n, sound: 0n })).toEqual([
      { name: 'image', count: 1n },
      { name: 'search', count: 2n },
    ]);
    expect(of({ image: 0n })).toBe(noUnits);
  });

  it('add up by name, and what is taken away may go below 0', () => {
    expect(addUnits(of({ image: 1n }), of({ image: 2n, constructor: 1n }))).toEqual(
      of({ constructor: 1n, image: 3n }),
    );
    expect(addUnits(of({ image: 1n, search: 1n }), of({ image: 1n, sound: 2n }), -1n)).toEqual([
      { name: 'search', count: 1n },
      { name: 'sound', count: -2n },
    ]);
    const image = of({ image: 1n });
    expect(addUnits(image, noUnits)).toBe(image);
    expect(addUnits(image, image, -1n)).toBe(noUnits);
  });
});

import { expect, test } from 'vitest';
import { canonicalJson } from '../../src/audit/canonical-json.ts';

// Planted: without the sort, 9 comes before 10 and both before B.
test('JSON is written as RFC 8785 says', () => {
  const value = {
    b: [1e21, -0, 'é\n"'],
    '10': true,
    '9': null,
    B: { z: 1n, a: undefined, c: 0.1 },
  };
  expect(canonicalJson(value)).toBe(
    '{"10":true,"9":null,"B":{"c":0.1,"z":"1"},"b":[1e+21,0,"é\\n\\""]}',
  );
});

import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { addedEntries, diffPolicies } from '../../src/core/diff-policies.ts';
import type { PolicyDiff } from '../../src/core/diff-policies.ts';
import type { Policy } from '../../src/core/policy.ts';
import { policyOf } from '../support/view.ts';
import { worlds } from '../support/worlds.ts';

/** Two policies as one subject might have them. */
const pairs = fc.tuple(worlds, worlds).map(([first, second]): [Policy, Policy] => {
  const [before = {}] = Object.values(first.said.policies ?? {});
  const [after = {}] = Object.values(second.said.policies ?? {});
  return [policyOf('user:alice', before), policyOf('user:alice', after)];
});

/** What a policy is once a difference was applied to it. */
function patched(before: Policy, diff: PolicyDiff): Policy {
  const gone = new Set(diff.removed.map(({ name }) => name));
  const changed = new Map(diff.changed.map(({ after }) => [after.name, after]));
  const kept = before.limits.filter(({ name }) => !gone.has(name));
  return {
    ...before,
    limits: [...kept.map((limit) => changed.get(limit.name) ?? limit), ...diff.added],
    access: diff.access === undefined ? before.access : diff.access.after,
    bypass: diff.bypass === undefined ? before.bypass : diff.bypass.after,
    notes: diff.notes === undefined ? before.notes : diff.notes.after,
  };
}

const byName = ({ limits, ...rest }: Policy) => ({
  ...rest,
  limits: limits.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
});

// Planted, each seen red: changed limits left out; fields compared by identity, so that equal lists differ.
it('says just what has to be changed', () => {
  fc.assert(
    fc.property(pairs, ([before, after]) => {
      const diff = diffPolicies(before, after);
      expect(byName(patched(before, diff))).toEqual(byName({ ...after, revision: 1 }));
      for (const part of [...diff.changed, diff.access, diff.bypass]) {
        if (part?.before === undefined || part.after === undefined) continue;
        const { before: had, after: has, fields } = part;
        const differing = Object.keys(has).filter((name) => {
          const [x, y] = [had, has].map((one) => (one as unknown as Record<string, unknown>)[name]);
          return !Object.is(x, y) && JSON.stringify(x, replacer) !== JSON.stringify(y, replacer);
        });
        expect(new Set<string>(fields)).toEqual(new Set(differing));
        expect(fields).not.toEqual([]);
      }
    }),
    { numRuns: 2000 },
  );
});

function replacer(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value;
}

it('finds nothing between a policy and itself, and everything between one and none', () => {
  fc.assert(
    fc.property(pairs, ([policy]) => {
      const nothing = { added: [], removed: [], changed: [] };
      const parts = { access: undefined, bypass: undefined, notes: undefined };
      expect(diffPolicies(policy, structuredClone(policy))).toEqual({ ...nothing, ...parts });
      expect(diffPolicies(undefined, policy).added).toEqual(policy.limits);
      expect(diffPolicies(policy, undefined).removed).toEqual(policy.limits);
      expect(diffPolicies(policy, undefined).access?.before).toEqual(policy.access);
    }),
    { numRuns: 500 },
  );
});

it('names the entries that were added', () => {
  expect(addedEntries(['a', 'b'], ['b', 'c', 'd'])).toEqual(['c', 'd']);
});

import { describe, expect, it } from 'vitest';
import { declaredFor } from '../../src/core/declarations.ts';
import type { OrganizationView } from '../../src/core/organization-view.ts';
import { resolvePath } from '../../src/core/path.ts';
import { limitsOn, meteredLimits, plannedLimits } from '../../src/core/planned-limits.ts';
import { effectiveLimits } from '../../src/core/resolve.ts';
import { targetFacts } from '../../src/core/target.ts';
import { costLimit } from '../support/decide.ts';
import { callOf, policyOf, viewOf } from '../support/view.ts';

const cap = costLimit('cap', 1n);

describe('what is derived once and then remembered', () => {
  const of = (user: string, view: OrganizationView) => resolvePath(view, callOf({ user }), 0).path;

  it('are the limits of a path, for each path apart', () => {
    const view = viewOf({ policies: { 'user:alice': { limits: [cap] } } });
    expect(effectiveLimits(view, of('alice', view))).toHaveLength(1);
    expect(effectiveLimits(view, of('alice', view))).toBe(effectiveLimits(view, of('alice', view)));
    expect(effectiveLimits(view, of('bob', view))).toEqual([]);
  });

  it('are meters and limits of a call, for each path and target apart', () => {
    const narrow = { ...cap, targets: ['o1'] };
    const view = viewOf({ policies: { 'user:alice': { limits: [narrow] } } });
    const told = (user: string, name: string) =>
      meteredLimits(view, of(user, view), targetFacts(view, name));
    expect(told('alice', 'o1').limitsAt(0).limits).toHaveLength(1);
    expect(told('alice', 'o1')).toBe(told('alice', 'o1'));
    expect(told('alice', 'gpt-4o').limitsAt(0).limits).toEqual([]);
    expect(told('bob', 'o1').limitsAt(0).limits).toEqual([]);
  });

  it('are the slots of a revision of a policy', () => {
    const policy = policyOf('org', { limits: [cap] });
    expect(declaredFor(policy, 'SELF')).toBe(declaredFor(policy, 'SELF'));
  });
});

it('a limit on a meter that is not charged is our fault, and throws', () => {
  const view = viewOf({ policies: { org: { limits: [cap] } } });
  const { path } = resolvePath(view, callOf(), 0);
  const planned = () => plannedLimits(limitsOn(view, path, targetFacts(view, 'gpt-4o')), []);
  expect(planned).toThrow('a limit on org, which is not charged');
});

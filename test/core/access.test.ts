import { describe, expect, it } from 'vitest';
import { accessReasons } from '../../src/core/access.ts';
import { resolvePath } from '../../src/core/path.ts';
import type { Access } from '../../src/core/policy.ts';
import { targetFacts } from '../../src/core/target.ts';
import { callOf, viewOf } from '../support/view.ts';
import type { Said, SaidCall } from '../support/view.ts';

const world: Said = {
  teams: [{ id: 'top' }, { id: 'red', parent: 'top' }, { id: 'blue' }],
  users: [{ id: 'alice', teams: ['red', 'blue'], tier: 'basic' }],
  keys: [{ id: 'k1' }],
  tokens: [{ id: 't1' }],
  models: [
    { id: 'small', tierRank: 1 },
    { id: 'large', tierRank: 3, groups: ['frontier'] },
    { id: 'plain' },
  ],
  routeGroups: [{ id: 'both', members: ['small', 'large'] }],
};

const everyone: SaidCall = {
  user: 'alice',
  key: 'k1',
  credential: { kind: 'token', id: 't1' },
  principal: 'agent:a',
  app: 'crm',
  customer: 'c1',
  labels: { feature: 'x' },
};

function reasons(
  rules: Record<string, Partial<Access>>,
  target: string,
  call = everyone,
): string[] {
  const policies = Object.fromEntries(
    Object.entries(rules).map(([subject, access]) => [subject, { access }]),
  );
  const view = viewOf({ ...world, policies });
  const { path } = resolvePath(view, callOf(call), 0);
  return accessReasons(view, path, targetFacts(view, target));
}

const subjects = [
  'org',
  'team:red',
  'team:top',
  'team:blue',
  'tier:basic',
  'user:alice',
  'key:k1',
  'token:t1',
  'principal:agent:a',
  'app:crm',
];

describe('model access', () => {
  it.each(subjects)('of %s denies, narrows and sets a ceiling', (subject) => {
    expect(reasons({ [subject]: { deny: ['large'] } }, 'large')).toEqual(['MODEL_DENIED']);
    expect(reasons({ [subject]: { allow: ['small'] } }, 'large')).toEqual(['MODEL_NOT_GRANTED']);
    expect(reasons({ [subject]: { maxTier: 2 } }, 'large')).toEqual(['MODEL_TIER']);
    expect(
      reasons({ [subject]: { allow: ['large'], deny: ['small'], maxTier: 3 } }, 'large'),
    ).toEqual([]);
  });

  it.each(['customer:c1', 'label:feature=x'])('of %s says nothing', (subject) => {
    expect(reasons({ [subject]: { allow: ['small'], deny: ['*'], maxTier: 0 } }, 'large')).toEqual(
      [],
    );
  });

  it('is everything where an allow list is empty, and nothing where all is denied', () => {
    expect(reasons({ org: { allow: [] } }, 'large')).toEqual([]);
    expect(reasons({ org: { deny: ['*'] } }, 'large')).toEqual(['MODEL_DENIED']);
  });

  it('must be granted by each of several teams', () => {
    const rules = { 'team:red': { allow: ['large'] }, 'team:blue': { allow: ['small'] } };
    expect(reasons(rules, 'large')).toEqual(['MODEL_NOT_GRANTED']);
    expect(reasons(rules, 'large', { ...everyone, teams: ['red'] })).toEqual([]);
  });

  it('lists all its reasons in order', () => {
    const rules = { org: { allow: ['small'], deny: ['l*'], maxTier: 1 } };
    expect(reasons(rules, 'large')).toEqual(['MODEL_DENIED', 'MODEL_NOT_GRANTED', 'MODEL_TIER']);
  });

  it('is derived once for a path, and for each path apart', () => {
    const view = viewOf({ ...world, policies: { 'user:alice': { access: { deny: ['*'] } } } });
    const of = (user: string) => {
      const { path } = resolvePath(view, callOf({ user }), 0);
      return accessReasons(view, path, targetFacts(view, 'small'));
    };
    expect([of('alice'), of('bob')]).toEqual([['MODEL_DENIED'], []]);
  });

  it('lets a model without a rank pass every ceiling', () => {
    expect(reasons({ org: { maxTier: 0 } }, 'plain')).toEqual([]);
  });
});

describe('a user’s replacing list', () => {
  const others = {
    'team:red': { allow: ['small'], maxTier: 1 },
    'tier:basic': { allow: ['small'], maxTier: 1 },
  };

  it('stands for those of tier and teams, each part only where the user has one', () => {
    const replacing = { mode: 'REPLACE' as const };
    const with_ = (access: Partial<Access>) =>
      reasons({ ...others, 'user:alice': { ...replacing, ...access } }, 'large');
    expect(with_({ allow: ['large'], maxTier: 3 })).toEqual([]);
    expect(with_({ allow: ['large'] })).toEqual(['MODEL_TIER']);
    expect(with_({ maxTier: 3 })).toEqual(['MODEL_NOT_GRANTED']);
    expect(with_({ allow: ['small'], maxTier: 2 })).toEqual(['MODEL_NOT_GRANTED', 'MODEL_TIER']);
  });

  it.each(['org', 'key:k1', 'token:t1', 'principal:agent:a', 'app:crm'])(
    'does not stand for that of %s',
    (subject) => {
      const own = { allow: ['large'], maxTier: 3, mode: 'REPLACE' as const };
      expect(
        reasons({ 'user:alice': own, [subject]: { allow: ['small'], maxTier: 1 } }, 'large'),
      ).toEqual(['MODEL_NOT_GRANTED', 'MODEL_TIER']);
    },
  );

  it('is nobody’s where no user is named', () => {
    const own = { allow: ['large'], maxTier: 3, mode: 'REPLACE' as const };
    const call = { tier: 'basic' };
    expect(reasons({ ...others, 'user:undefined': own }, 'large', call)).toEqual([
      'MODEL_NOT_GRANTED',
      'MODEL_TIER',
    ]);
  });

  it('lifts no deny, and narrows where its mode is another', () => {
    const own = { allow: ['large'], maxTier: 3 };
    const denied = { ...others, 'team:red': { deny: ['large'] } };
    expect(reasons({ ...denied, 'user:alice': { ...own, mode: 'REPLACE' } }, 'large')).toEqual([
      'MODEL_DENIED',
    ]);
    expect(reasons({ ...others, 'user:alice': { ...own, mode: 'NARROW' } }, 'large')).toEqual([
      'MODEL_NOT_GRANTED',
      'MODEL_TIER',
    ]);
    expect(reasons({ ...others, 'key:k1': { ...own, mode: 'REPLACE' } }, 'large')).toEqual([
      'MODEL_NOT_GRANTED',
      'MODEL_TIER',
    ]);
  });
});

describe('a route group', () => {
  it('is granted by its name or by all its members', () => {
    expect(reasons({ org: { allow: ['both'] } }, 'both')).toEqual([]);
    expect(reasons({ org: { allow: ['small', 'group:frontier'] } }, 'both')).toEqual([]);
    expect(reasons({ org: { allow: ['small'] } }, 'both')).toEqual(['MODEL_NOT_GRANTED']);
  });

  it('is denied by its name or by any member, and ranks as its highest', () => {
    expect(reasons({ org: { deny: ['both'] } }, 'both')).toEqual(['MODEL_DENIED']);
    expect(reasons({ org: { deny: ['group:frontier'] } }, 'both')).toEqual(['MODEL_DENIED']);
    expect(reasons({ org: { maxTier: 2 } }, 'both')).toEqual(['MODEL_TIER']);
    expect(reasons({ org: { maxTier: 3 } }, 'both')).toEqual([]);
  });
});

const unknownTarget = (unknownModels: 'ALLOW' | 'DENY' | undefined, allow: readonly string[]) => {
  const view = viewOf({
    organization: { unknownModels },
    policies: { org: { access: { allow } } },
  });
  const { path } = resolvePath(view, callOf(), 0);
  return accessReasons(view, path, targetFacts(view, 'gpt-next'));
};

describe('an unknown target', () => {
  it('is refused where the organization says so, or has an allow list and says nothing', () => {
    expect(unknownTarget(undefined, [])).toEqual([]);
    expect(unknownTarget(undefined, ['gpt-*'])).toEqual(['MODEL_UNKNOWN']);
    expect(unknownTarget('ALLOW', ['gpt-*'])).toEqual([]);
    expect(unknownTarget('DENY', [])).toEqual(['MODEL_UNKNOWN']);
    expect(unknownTarget('DENY', ['o*'])).toEqual(['MODEL_UNKNOWN', 'MODEL_NOT_GRANTED']);
  });

  it('is not made unknown by a list that is not the organization’s', () => {
    expect(reasons({ 'team:red': { allow: ['gpt-*'] } }, 'gpt-next')).toEqual([]);
  });
});

import { describe, expect, it } from 'vitest';
import type { Limit } from '../../src/core/policy.ts';
import { resolvePath } from '../../src/core/path.ts';
import { effectiveLimits } from '../../src/core/resolve.ts';
import { subjectText } from '../../src/core/subject.ts';
import { callOf, viewOf } from '../support/view.ts';
import type { Said, SaidCall, SaidLimit } from '../support/view.ts';

const each = { kind: 'USER' } as const;

function cost(name: string, amount: bigint | undefined, more: Partial<Limit> = {}): SaidLimit {
  return { name, metric: 'COST', amount, ...more };
}

function limits(said: Said, call: SaidCall): string[] {
  const view = viewOf(said);
  const { path } = resolvePath(view, callOf(call), 0);
  return effectiveLimits(view, path).map(
    ({ subject, limit, meter }) => `${subjectText(subject)}/${limit.name} on ${meter.name}`,
  );
}

const both = { user: 'alice', teams: ['red', 'blue'] };

const ofTeams = (red: SaidLimit[], blue: SaidLimit[]) =>
  limits({ policies: { 'team:red': { limits: red }, 'team:blue': { limits: blue } } }, both);

const forUsers = (more: Partial<Limit> = {}) => ({ for: each, ...more });

describe('of several teams at one distance', () => {
  it('the smallest BLOCK amount wins', () => {
    expect(ofTeams([cost('a', 2n, forUsers())], [cost('b', 1n, forUsers())])).toEqual([
      'team:blue/b on user:alice',
    ]);
  });

  it('the whole declaration wins, not its smallest limit alone', () => {
    const red = [cost('block', 1n, forUsers()), cost('warn', 9n, forUsers({ action: 'WARN' }))];
    const blue = [cost('block', 2n, forUsers()), cost('warn', 1n, forUsers({ action: 'WARN' }))];
    expect(ofTeams(red, blue)).toEqual([
      'team:red/block on user:alice',
      'team:red/warn on user:alice',
    ]);
  });

  it('an unlimited BLOCK is like none, so the smallest other amount decides', () => {
    const warn = (amount: bigint) => cost('warn', amount, forUsers({ action: 'WARN' }));
    expect(ofTeams([cost('block', undefined, forUsers()), warn(2n)], [warn(1n)])).toEqual([
      'team:blue/warn on user:alice',
    ]);
    expect(ofTeams([cost('block', undefined, forUsers()), warn(1n)], [warn(2n)])).toEqual([
      'team:red/warn on user:alice',
    ]);
  });

  it('an unlimited one wins only over nothing', () => {
    expect(ofTeams([cost('a', undefined, forUsers())], [])).toEqual([]);
    expect(ofTeams([cost('a', undefined, forUsers())], [cost('b', 9n, forUsers())])).toEqual([
      'team:blue/b on user:alice',
    ]);
    expect(ofTeams([cost('a', 9n, forUsers())], [cost('b', undefined, forUsers())])).toEqual([
      'team:red/a on user:alice',
    ]);
  });

  it.each([
    ['first', [1n, 5n]],
    ['last', [5n, 1n]],
  ] as const)('a declaration of several amounts counts by its smallest, here the %s', (_, two) => {
    const red = two.map((amount, index) => cost(`r${index}`, amount, forUsers()));
    expect(ofTeams(red, [cost('b', 3n, forUsers())])).toEqual([
      'team:red/r0 on user:alice',
      'team:red/r1 on user:alice',
    ]);
    expect(ofTeams([cost('r', 3n, forUsers())], red)).toHaveLength(2);
  });

  it('the lower id wins between equals', () => {
    expect(ofTeams([cost('a', 1n, forUsers())], [cost('b', 1n, forUsers())])).toEqual([
      'team:blue/b on user:alice',
    ]);
  });
});

describe('the nearest declaration', () => {
  it('counts the shortest way to a team', () => {
    const teams = [
      { id: 'top' },
      { id: 'middle', parent: 'top' },
      { id: 'red', parent: 'middle' },
      { id: 'blue', parent: 'top' },
    ];
    const policies = {
      'team:top': { limits: [cost('top', 9n, { for: each })] },
      'team:middle': { limits: [cost('middle', 8n, { for: each })] },
    };
    expect(limits({ teams, policies }, both)).toEqual(['team:middle/middle on user:alice']);
    const smaller = { ...policies, 'team:top': { limits: [cost('top', 7n, { for: each })] } };
    expect(limits({ teams, policies: smaller }, both)).toEqual(['team:top/top on user:alice']);
  });

  it('of a team with defaults is that above it, never its own', () => {
    const teams = [{ id: 'top' }, { id: 'red', parent: 'top' }, { id: 'squad', parent: 'red' }];
    const forTeams = { for: { kind: 'TEAM' } } as const;
    const policies = {
      org: { limits: [cost('org', 9n, forTeams)] },
      'team:red': { limits: [cost('red', 5n, forTeams)] },
    };
    expect(limits({ teams, policies }, { teams: ['squad'] })).toEqual([
      'team:red/red on team:squad',
      'org/org on team:red',
      'org/org on team:top',
    ]);
  });

  it('of a label is its own, then the default of its key alone', () => {
    const byKey = { for: { kind: 'LABEL', key: 'feature' } } as const;
    const policies = {
      org: { limits: [cost('each', 1n, byKey)] },
      'team:red': { limits: [cost('ours', 2n, { ...byKey, window: 'MONTH' })] },
      'label:feature=search': { limits: [cost('own', 3n)] },
    };
    const call = { teams: ['red'], labels: { feature: 'search', features: 'x' } };
    expect(limits({ policies }, call)).toEqual([
      'label:feature=search/own on label:feature=search',
      'team:red/ours on label:feature=search',
    ]);
  });

  it('of a token is its own alone, and a tier’s own meter has no limits', () => {
    const all = ['USER', 'KEY', 'CUSTOMER', 'PRINCIPAL', 'APP', 'TEAM'] as const;
    const policies = {
      org: { limits: all.map((kind) => cost(kind, 1n, { for: { kind } })) },
      'token:t1': { limits: [cost('own', 1n, { window: 'MONTH' })] },
      'tier:pro': { limits: [cost('template', 1n)] },
    };
    const call = { credential: { kind: 'token', id: 't1' }, tier: 'pro' } as const;
    expect(limits({ tokens: [{ id: 't1' }], policies }, call)).toEqual([
      'token:t1/own on token:t1',
    ]);
  });
});

describe('a user’s own limit', () => {
  const template = [
    cost('daily', 1n),
    cost('monthly', 2n, { window: 'MONTH' }),
    cost('narrow', 2n, { targets: ['o1'] }),
    { name: 'rpm', metric: 'REQUESTS', amount: 5n } as const,
  ];
  const of = (own: SaidLimit[]) =>
    limits(
      { policies: { 'tier:pro': { limits: template }, 'user:alice': { limits: own } } },
      {
        user: 'alice',
        tier: 'pro',
      },
    );
  const rest = 'tier:pro/rpm on user:alice';

  it.each([
    ['of another window', cost('own', 9n, { window: 'WEEK' })],
    ['that only warns', cost('own', 9n, { window: 'WEEK', action: 'WARN' })],
  ])('%s lifts the template’s limits of its metric', (_, own) => {
    expect(of([own])).toEqual([rest, 'user:alice/own on user:alice']);
  });

  it('stands alone where no tier is known', () => {
    const policies = { 'tier:undefined': { limits: template } };
    expect(limits({ policies }, { user: 'alice' })).toEqual([]);
  });

  it('that is unlimited lifts them and leaves none', () => {
    expect(of([cost('own', undefined, { window: 'WEEK' })])).toEqual([rest]);
  });

  it('that is disabled or narrowed lifts no other slot', () => {
    const whole = ['tier:pro/daily', 'tier:pro/narrow', 'tier:pro/monthly'];
    const expected = [rest, ...whole.map((name) => `${name} on user:alice`)];
    expect(of([cost('own', 9n, { enabled: false })]).map((text) => text.split('@')[0])).toEqual(
      expected,
    );
    expect(of([cost('own', 9n, { targets: ['o1'] })])).toEqual([
      rest,
      'tier:pro/daily on user:alice',
      'user:alice/own on user:alice@o1',
      'tier:pro/monthly on user:alice',
    ]);
  });
});

describe('a cap', () => {
  it('of a member holds for every team above, beside each other and the user’s own', () => {
    const member = { for: { kind: 'MEMBER' } } as const;
    const said: Said = {
      teams: [{ id: 'top' }, { id: 'red', parent: 'top' }],
      policies: {
        'team:red': { limits: [cost('each', 1n, member), cost('cap', 5n)] },
        'team:top': { limits: [cost('each', 2n, member), cost('off', undefined, member)] },
        'user:alice': { limits: [cost('own', undefined)] },
      },
    };
    expect(limits(said, { user: 'alice', teams: ['red'] })).toEqual([
      'team:red/cap on team:red',
      'team:red/each on team:red/user:alice',
      'team:top/each on team:top/user:alice',
    ]);
    expect(limits(said, { teams: ['red'] })).toEqual(['team:red/cap on team:red']);
  });

  it('of a member is a team’s to declare, and nobody else’s', () => {
    const policies = { org: { limits: [cost('each', 1n, { for: { kind: 'MEMBER' } })] } };
    expect(limits({ policies }, { user: 'alice' })).toEqual([]);
  });
});

it('limits come in the order of the path, then by metric, window and targets, then by name', () => {
  const said: Said = {
    policies: {
      org: {
        limits: [
          cost('cap', 1n),
          { name: 'default', metric: 'CONCURRENCY', amount: 1n, for: each },
        ],
      },
      'user:alice': {
        limits: [
          cost('lifetime', 1n, { window: 'LIFETIME' }),
          cost('b', 1n, { targets: ['aa'] }),
          cost('c', 1n, { targets: ['a', 'b'] }),
          cost('weekly-c', 1n, { window: 'WEEK', targets: ['a', 'b'] }),
          cost('weekly-b', 1n, { window: 'WEEK', targets: ['aa'] }),
          cost('z', 1n),
          cost('y', 1n),
          { name: 'tokens', metric: 'TOKENS', amount: 1n },
          { name: 'requests', metric: 'REQUESTS', amount: 1n, window: 'LIFETIME' },
        ],
      },
    },
  };
  expect(limits(said, { user: 'alice' }).map((text) => text.split(' ')[0])).toEqual([
    'org/default',
    'user:alice/requests',
    'user:alice/tokens',
    'user:alice/y',
    'user:alice/z',
    'user:alice/c',
    'user:alice/b',
    'user:alice/weekly-c',
    'user:alice/weekly-b',
    'user:alice/lifetime',
    'org/cap',
  ]);
});

it.each(['a,b', 'ab'])('slots of two targets and of one named %j are kept apart', (target) => {
  const said: Said = {
    policies: {
      org: { limits: [cost('two', 1n, { for: each, targets: ['a', 'b'] })] },
      'user:alice': { limits: [cost('one', 1n, { targets: [target] })] },
    },
  };
  expect(limits(said, { user: 'alice' })).toHaveLength(2);
});

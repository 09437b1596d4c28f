import { describe, expect, it } from 'vitest';
import { pathSubjects, resolvePath } from '../../src/core/path.ts';
import type { ResolvedPath } from '../../src/core/path.ts';
import { subjectText } from '../../src/core/subject.ts';
import { callOf, viewOf } from '../support/view.ts';
import type { Said, SaidCall } from '../support/view.ts';

const world: Said = {
  teams: [
    { id: 'company' },
    { id: 'engineering', parent: 'company' },
    { id: 'red', parent: 'engineering' },
    { id: 'blue', parent: 'company' },
  ],
  users: [{ id: 'alice', teams: ['red', 'blue'], tier: 'free' }, { id: 'bob' }],
  principals: [{ id: 'agent:indexer', app: 'crm' }],
  apps: ['crm'],
  customers: ['c42'],
  keys: [
    { id: 'alices', user: 'alice', team: 'red' },
    { id: 'bobs', user: 'bob' },
    { id: 'blues', team: 'blue' },
    { id: 'revoked', state: 'REVOKED' },
    { id: 'idle', state: 'DISABLED' },
    { id: 'brief', expiresAtMs: 1_000 },
    { id: 'reader', scopes: ['usage.read'] },
  ],
  tokens: [{ id: 't1', principal: 'agent:indexer', user: 'alice', customer: 'c42' }],
};

function resolved(call: SaidCall, said: Said = world, nowMs = 0): ResolvedPath {
  return resolvePath(viewOf(said), callOf(call), nowMs);
}

describe('a path', () => {
  it('is the organization alone when nothing is named', () => {
    const { path, reasons } = resolved({});
    expect(pathSubjects(path).map(subjectText)).toEqual(['org']);
    expect(reasons).toEqual([]);
  });

  it('names its subjects nearest first', () => {
    const { path } = resolved({
      credential: { kind: 'token', id: 't1' },
      key: 'alices',
      tier: 'pro',
      labels: { feature: 'search', env: 'prod' },
    });
    expect(pathSubjects(path).map(subjectText)).toEqual([
      'token:t1',
      'key:alices',
      'user:alice',
      'principal:agent:indexer',
      'app:crm',
      'customer:c42',
      'label:env=prod',
      'label:feature=search',
      'tier:pro',
      'team:red',
      'team:engineering',
      'team:company',
      'org',
    ]);
  });

  it('takes a user’s registered teams and tier when the request names none', () => {
    const { path } = resolved({ user: 'alice' });
    expect(path.ownTeams).toEqual(['red', 'blue']);
    expect(path.tier).toBe('free');
    // The company is above both: one step from blue, two from red.
    expect(path.teams).toEqual([
      { id: 'blue', distance: 0 },
      { id: 'red', distance: 0 },
      { id: 'company', distance: 1 },
      { id: 'engineering', distance: 1 },
    ]);
  });

  it('lets the request choose the tier, and the app before the principal’s own', () => {
    const { path } = resolved({
      user: 'alice',
      tier: 'pro',
      principal: 'agent:indexer',
      app: 'erp',
    });
    expect(path.tier).toBe('pro');
    expect(path.app).toBe('erp');
    expect(resolved({ principal: 'agent:indexer' }).path.app).toBe('crm');
  });

  it('counts a key’s team as named', () => {
    const { path, reasons } = resolved({ key: 'alices' });
    expect(path.ownTeams).toEqual(['red']);
    expect(path.user).toBe('alice');
    expect(reasons).toEqual([]);
  });

  it('ends at a circle of teams instead of going round', () => {
    const teams = [
      { id: 'a', parent: 'b' },
      { id: 'b', parent: 'a' },
    ];
    expect(resolved({ teams: ['a'] }, { teams }).path.teams).toHaveLength(2);
  });

  it('reaches all eight ancestors of a team, and not a ninth', () => {
    const teams = Array.from({ length: 9 }, (_, depth) => ({
      id: `t${depth}`,
      parent: depth === 8 ? undefined : `t${depth + 1}`,
    }));
    expect(resolved({ teams: ['t0'] }, { teams }).path.teams).toHaveLength(9);
    const deeper = [...teams.slice(0, 8), { id: 't8', parent: 't9' }, { id: 't9' }];
    expect(resolved({ teams: ['t0'] }, { teams: deeper }).path.teams).toHaveLength(9);
  });
});

describe('a credential', () => {
  it.each([
    ['revoked', 'CREDENTIAL_REVOKED'],
    ['idle', 'CREDENTIAL_DISABLED'],
    ['reader', 'SCOPE_MISSING'],
  ])('%s is refused with %s, by secret and by id', (id, reason) => {
    expect(resolved({ credential: { kind: 'key', id } }).reasons).toEqual([reason]);
    expect(resolved({ key: id }).reasons).toEqual([reason]);
  });

  it('is past at the very instant of its expiry', () => {
    expect(resolved({ key: 'brief' }, world, 999).reasons).toEqual([]);
    expect(resolved({ key: 'brief' }, world, 1_000).reasons).toEqual(['CREDENTIAL_EXPIRED']);
  });

  it('that is unknown ends the search at once', () => {
    const suspended = { ...world, organization: { state: 'SUSPENDED' as const } };
    const unknown = { reasons: ['CREDENTIAL_UNKNOWN'], stop: true };
    expect(resolved({ credential: 'UNKNOWN' }, suspended)).toMatchObject(unknown);
    expect(resolved({ key: 'never-made' }, suspended)).toMatchObject(unknown);
    expect(resolved({ credential: { kind: 'token', id: 'gone' } })).toMatchObject(unknown);
    expect(resolved({ credential: 'UNKNOWN', key: 'alices' })).toMatchObject(unknown);
  });

  it('presented and named by id is one key, two of them are both on the path', () => {
    const alices = { kind: 'key', id: 'alices' } as const;
    expect(resolved({ credential: alices, key: 'alices' }).path.keys).toEqual(['alices']);
    const both = resolved({ credential: alices, key: 'idle' });
    expect(both.path.keys).toEqual(['alices', 'idle']);
    expect(both.reasons).toEqual(['CREDENTIAL_DISABLED']);
  });

  it('that is a token is not the key of the same id', () => {
    const said: Said = { keys: [{ id: 'one' }], tokens: [{ id: 'one' }] };
    const { path } = resolved({ credential: { kind: 'token', id: 'one' }, key: 'one' }, said);
    expect(path).toMatchObject({ token: 'one', keys: ['one'] });
  });
});

describe('a contradiction', () => {
  it.each<[string, SaidCall]>([
    ['a user other than the key’s', { key: 'alices', user: 'bob' }],
    ['two keys of different users', { credential: { kind: 'key', id: 'alices' }, key: 'bobs' }],
    [
      'a customer other than the token’s',
      { credential: { kind: 'token', id: 't1' }, customer: 'c1' },
    ],
    ['teams that leave the key’s out', { key: 'blues', teams: ['red'] }],
    ['two keys of different teams', { credential: { kind: 'key', id: 'alices' }, key: 'blues' }],
    ['a team that is not the user’s', { user: 'bob', teams: ['red'] }],
    ['a key’s team that is not the user’s', { user: 'bob', key: 'blues' }],
    ['an ancestor of the user’s team', { user: 'alice', teams: ['engineering'] }],
    ['one wrong team among right ones', { user: 'alice', teams: ['red', 'company'] }],
  ])('is %s', (_, call) => {
    expect(resolved(call)).toMatchObject({ reasons: ['SUBJECT_MISMATCH'], stop: true });
  });

  it.each<[string, SaidCall]>([
    ['the key’s user named again', { key: 'alices', user: 'alice' }],
    ['a key’s team among others', { key: 'blues', teams: ['red', 'blue'] }],
    [
      'two keys’ teams, both named',
      { credential: { kind: 'key', id: 'alices' }, key: 'blues', teams: ['red', 'blue'] },
    ],
    ['any team of a user whom nobody knows', { user: 'stranger', teams: ['red'] }],
    [
      'what a credential does not say',
      { key: 'bobs', customer: 'c1', app: 'erp', labels: { a: 'b' } },
    ],
    ['an app beside the principal’s registered one', { principal: 'agent:indexer', app: 'erp' }],
  ])('is not %s', (_, call) => {
    expect(resolved(call)).toMatchObject({ reasons: [], stop: false });
  });

  it('believes the credential, and tells what comes before it in precedence', () => {
    const { path, reasons } = resolved(
      { key: 'alices', user: 'bob', app: 'nowhere' },
      {
        ...world,
        organization: { state: 'SUSPENDED', unknownSubjects: 'DENY' },
        keys: [{ id: 'alices', user: 'alice', state: 'DISABLED' }],
      },
    );
    expect(path.user).toBe('alice');
    expect(reasons).toEqual(['CREDENTIAL_DISABLED', 'ORG_SUSPENDED', 'SUBJECT_MISMATCH']);
  });
});

describe('suspension', () => {
  it('of an organization, of any team above, and of a user has a reason each', () => {
    const said: Said = {
      organization: { state: 'SUSPENDED' },
      teams: [
        { id: 'top', state: 'SUSPENDED' },
        { id: 'red', parent: 'top' },
      ],
      users: [{ id: 'alice', teams: ['red'], state: 'SUSPENDED' }],
    };
    expect(resolved({ user: 'alice' }, said).reasons).toEqual([
      'ORG_SUSPENDED',
      'TEAM_SUSPENDED',
      'USER_SUSPENDED',
    ]);
    expect(resolved({}, said).reasons).toEqual(['ORG_SUSPENDED']);
  });
});

describe('an unknown subject', () => {
  const strangers: SaidCall[] = [
    { user: 'stranger' },
    { teams: ['nowhere'] },
    { principal: 'agent:new' },
    { app: 'erp' },
    { customer: 'c1' },
  ];

  it.each(strangers)('%j is fine, unless the organization refuses it', (call) => {
    expect(resolved(call).reasons).toEqual([]);
    const strict: Said = { ...world, organization: { unknownSubjects: 'DENY' } };
    expect(resolved(call, strict).reasons).toEqual(['SUBJECT_UNKNOWN']);
  });

  it('is never a tier, a label or a subject that is registered', () => {
    const strict: Said = { ...world, organization: { unknownSubjects: 'DENY' } };
    const call = { user: 'alice', tier: 'new', labels: { any: 'thing' }, customer: 'c42' };
    expect(resolved(call, strict).reasons).toEqual([]);
    expect(resolved({ principal: 'agent:indexer' }, strict).reasons).toEqual([]);
  });

  it('is found where a principal is registered with an app that is not', () => {
    const strict: Said = { ...world, apps: [], organization: { unknownSubjects: 'DENY' } };
    expect(resolved({ principal: 'agent:indexer' }, strict).reasons).toEqual(['SUBJECT_UNKNOWN']);
  });
});

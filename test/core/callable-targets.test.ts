import { expect, it } from 'vitest';
import { callableTargets } from '../../src/core/callable-targets.ts';
import { callOf, viewOf } from '../support/view.ts';
import type { Said, SaidCall } from '../support/view.ts';

const all = { after: '', most: 1000 };

const world: Said = {
  models: [{ id: 'o1' }, { id: 'gpt-4o' }, { id: 'new' }],
  routeGroups: [
    { id: 'chat', members: ['gpt-4o'] },
    { id: 'mixed', members: ['gpt-4o', 'new'] },
  ],
  prices: [{ subject: 'o1' }, { subject: 'gpt-4o' }],
};

function told(said: Said, call: SaidCall = {}): Record<string, readonly string[]> {
  const targets = callableTargets(viewOf({ ...world, ...said }), callOf(call), 0, all);
  return Object.fromEntries(targets.map(({ name, reasons }) => [name, reasons]));
}

it('lists every target of the catalog by name', () => {
  expect(callableTargets(viewOf(world), callOf(), 0, all)).toEqual([
    { name: 'chat', kind: 'ROUTE_GROUP', reasons: [] },
    { name: 'gpt-4o', kind: 'MODEL', reasons: [] },
    { name: 'mixed', kind: 'ROUTE_GROUP', reasons: [] },
    { name: 'new', kind: 'MODEL', reasons: [] },
    { name: 'o1', kind: 'MODEL', reasons: [] },
  ]);
});

it('says why a target may not be called, a missing price included', () => {
  const limits = [{ name: 'cap', metric: 'COST', amount: 0n }] as const;
  const access = { allow: ['gpt-*'], deny: ['o*'] };
  expect(told({ policies: { org: { access, limits } } })).toEqual({
    chat: [],
    'gpt-4o': [],
    mixed: ['MODEL_NOT_GRANTED', 'MODEL_UNPRICED'],
    new: ['MODEL_NOT_GRANTED', 'MODEL_UNPRICED'],
    o1: ['MODEL_DENIED', 'MODEL_NOT_GRANTED'],
  });
});

it('follows a user’s bypass', () => {
  const access = { deny: ['*'] };
  const policies = { org: { access }, 'user:alice': { bypass: { models: true } } };
  expect(told({ policies }, { user: 'alice' })['o1']).toEqual([]);
  expect(told({ policies }, { user: 'bob' })['o1']).toEqual(['MODEL_DENIED']);
});

it('lets who may call nothing call nothing', () => {
  const users = [{ id: 'alice', state: 'SUSPENDED' as const }];
  const policies = { org: { access: { deny: ['o1'] } } };
  const suspended = told({ users, policies }, { user: 'alice' });
  expect(suspended).toMatchObject({
    'gpt-4o': ['USER_SUSPENDED'],
    o1: ['USER_SUSPENDED', 'MODEL_DENIED'],
  });
  const unknown = told({ policies }, { credential: 'UNKNOWN' });
  expect(new Set(Object.values(unknown).flat())).toEqual(new Set(['CREDENTIAL_UNKNOWN']));
});

// Seen red: `>=` for `>` after a model and after a route group, and the whole catalog for the first names.
it('lists a part: names after one, at most so many', () => {
  const named = (after: string, most: number): string[] =>
    callableTargets(viewOf(world), callOf(), 0, { after, most }).map(({ name }) => name);
  expect(named('', 2)).toEqual(['chat', 'gpt-4o']);
  expect(named('gpt-4o', 2)).toEqual(['mixed', 'new']);
  expect(named('mixed', 9)).toEqual(['new', 'o1']);
  expect(named('o1', 9)).toEqual([]);
});

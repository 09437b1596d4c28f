import { describe, expect, test } from 'vitest';
import type { NamedSubjects } from '../../src/core/call.ts';
import { createListTargets } from '../../src/service/list-targets.ts';
import { anyGateway, inputOf, serviceStage } from '../support/service-stage.ts';

const cached = { models: [{ id: 'gpt-4o' }, { id: 'o1' }] };
/** A request for a page, the first if there is no token. */
function input(
  page: { size?: number; token?: string } = {},
  more: Parameters<typeof inputOf>[1] = {},
) {
  return { ...inputOf({}, more), page: { size: 100, token: undefined, ...page } };
}

const prices = [{ subject: 'gpt-4o' }, { subject: 'o1' }];

// Seen red: with the cached view, o1 is allowed.
test('targets are listed as the newest policies say, each with its reasons', async () => {
  const newer = { ...cached, prices, policies: { org: { access: { deny: ['o1'] } } } };
  const listTargets = createListTargets(serviceStage({ cached: { ...cached, prices }, newer }));
  expect((await listTargets(input(), anyGateway)).items).toEqual([
    { name: 'gpt-4o', kind: 'MODEL', allowed: true, reasons: [] },
    { name: 'o1', kind: 'MODEL', allowed: false, reasons: ['MODEL_DENIED'] },
  ]);
});

test('an unknown credential without an organization may call nothing', async () => {
  const nobody = { orgId: undefined, credential: 'tg_key_unknown' };
  const listed = createListTargets(serviceStage({ cached }))(input({}, nobody), anyGateway);
  expect(await listed).toEqual({ items: [], nextToken: undefined });
});

test('an organization that does not exist is NOT_FOUND', async () => {
  const listTargets = createListTargets(serviceStage({ cached }));
  await expect(listTargets(input({}, { orgId: 'nosuch' }), anyGateway)).rejects.toMatchObject({
    reason: 'ORGANIZATION_NOT_FOUND',
  });
});

const many = {
  models: Array.from({ length: 5 }, (_, index) => ({ id: `m${index}` })),
  routeGroups: [{ id: 'm2b', members: ['m0'] }],
};

// Planted: with `>=` in place of `>` a page repeats the last target of the one before, with a limit of the page's own
// size there is no second page.
test('pages follow each other without gap or repeat, route groups among models', async () => {
  const listTargets = createListTargets(serviceStage({ cached: many }));
  const pages: string[][] = [];
  let token: string | undefined;
  do {
    const page = await listTargets(input({ size: 2, ...(token ? { token } : {}) }), anyGateway);
    pages.push(page.items.map(({ name }) => name));
    token = page.nextToken;
  } while (token !== undefined && pages.length < 10);
  expect(pages).toEqual([
    ['m0', 'm1'],
    ['m2', 'm2b'],
    ['m3', 'm4'],
  ]);
});

describe('a page token is valid for the same path only', () => {
  const { subjects: nobody } = inputOf({});
  const subjects: NamedSubjects = {
    ...nobody,
    teams: ['a', 'b'],
    labels: new Map([
      ['k', '1'],
      ['l', '2'],
    ]),
  };
  const listTargets = createListTargets(serviceStage({ cached: many }));
  const first = () => listTargets(input({ size: 2 }, { subjects }), anyGateway);

  test('in whatever order its labels and teams come, and in pages of another size', async () => {
    const { nextToken = '' } = await first();
    const same = { teams: ['b', 'a'], labels: new Map([...subjects.labels].toReversed()) };
    const page = { size: 3, token: nextToken };
    const next = await listTargets(input(page, { subjects: { ...subjects, ...same } }), anyGateway);
    expect(next.items.map(({ name }) => name)).toEqual(['m2', 'm2b', 'm3']);
  });

  // Planted: with each of them left out of what the token is bound to, its line is red.
  test.each([
    ['a user', { subjects: { ...subjects, user: 'alice' } }],
    ['other teams', { subjects: { ...subjects, teams: ['a'] } }],
    ['other labels', { subjects: { ...subjects, labels: new Map([['k', '2']]) } }],
    ['another organization', { orgId: 'other', subjects }],
    ['a service tier', { subjects, served: { serviceTier: 'flex', provider: undefined } }],
    ['a provider', { subjects, served: { serviceTier: undefined, provider: 'azure' } }],
    ['a credential', { credential: 'tg_key_x', subjects }],
  ])('not with %s', async (_what, more) => {
    const { nextToken = '' } = await first();
    await expect(listTargets(input({ token: nextToken }, more), anyGateway)).rejects.toMatchObject({
      reason: 'FIELD_INVALID',
      violations: [{ field: 'page_token' }],
    });
  });
});

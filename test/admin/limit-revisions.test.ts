import { afterAll, beforeAll, expect, test } from 'vitest';
import { adminServices } from '../../scripts/admin-shape/services.ts';
import { callGrpc } from '../support/admin-grpc.ts';
import { anyChange, plainOrganization } from '../support/organization.ts';
import { startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane, Json } from '../support/admin-plane.ts';

let plane: AdminPlane;
beforeAll(async () => {
  plane = await startAdminPlane();
  await plane.store.createOrganization(plainOrganization('acme'), anyChange);
  await put('user:alice', [cost, tokens], 'hour', 'first');
  await put('user:alice', [{ ...cost, amount: '3' }], 'hour', 'second');
  await put('agent', [daily], '', 'third');
  await plane.call('PolicyService/RevokeLimits', {
    orgId: 'acme',
    subject: 'user:alice',
    quota: 'hour',
    reason: 'over',
  });
  await plane.call('PolicyService/UpdatePolicy', {
    orgId: 'acme',
    policy: { subject: 'user:alice', notes: 'nothing about limits' },
  });
});
afterAll(() => plane.stop());

const cost = { name: 'hour.cost', metric: 'METRIC_COST', window: 'WINDOW_HOUR', amount: '1.5' };
const tokens = { ...cost, name: 'hour.tokens', metric: 'METRIC_TOKENS', amount: '1000' };
const daily = { name: 'burst', metric: 'METRIC_REQUESTS', window: 'WINDOW_DAY', amount: '7' };

async function put(subject: string, limits: readonly Json[], quota: string, reason: string) {
  const whose = subject === 'agent' ? 'principal:agent:a0' : subject;
  const message = { orgId: 'acme', subject: whose, limits, quota, reason };
  const { code } = await plane.call('PolicyService/UpdateLimits', message);
  expect(code).toBe('OK');
}

async function list(more: Json = {}): Promise<Json[]> {
  const request = { orgId: 'acme', ...more };
  const { body } = await plane.call('PolicyService/ListLimitRevisions', request);
  return (body['revisions'] ?? []) as Json[];
}

const idsOf = (rows: readonly Json[]) => rows.map(({ id }) => id);
const [over, third, second, first] = [
  'user:alice/hour@3',
  'principal:agent:a0/burst@1',
  'user:alice/hour@2',
  'user:alice/hour@1',
];

test('every change of a limit or quota is a row with its maxima, newest first', async () => {
  const rows = await list();
  expect(idsOf(rows)).toEqual([over, third, second, first]);
  expect(rows[0]).toMatchObject({ revoked: true, reason: 'over', maxCost: '3', revision: '3' });
  expect(rows[1]).toMatchObject({
    subjectKind: 'SUBJECT_KIND_PRINCIPAL',
    subject: 'principal:agent:a0',
    name: 'burst',
    window: 'WINDOW_DAY',
    maxRequests: '7',
    active: true,
    actor: 'root',
  });
  expect(rows[3]).toMatchObject({
    maxCost: '1.5',
    maxTokens: '1000',
    window: 'WINDOW_HOUR',
    limits: [{ name: 'hour.cost' }, { name: 'hour.tokens' }],
  });
  expect(rows.map(({ active = false }) => active)).toEqual([false, true, false, false]);
});

test('gRPC gets the same rows', async () => {
  const service = (await adminServices()).find(({ name }) => name === 'PolicyService');
  if (service === undefined) throw new Error('no service');
  const { body } = await callGrpc(plane.url, service, 'ListLimitRevisions', { orgId: 'acme' });
  expect(body['revisions']).toEqual(await list());
});

test('rows are found by kind, subject, window, state and a part of the name', async () => {
  const kind = (name: string) => list({ subjectKind: `SUBJECT_KIND_${name}` });
  const state = (name: string) => list({ state: `LIMIT_REVISION_STATE_${name}` });
  expect(idsOf(await kind('PRINCIPAL'))).toEqual([third]);
  expect(idsOf(await kind('KEY'))).toEqual([]);
  expect(idsOf(await list({ subject: 'user:alice' }))).toEqual([over, second, first]);
  expect(idsOf(await list({ subject: 'user:alic' }))).toEqual([]);
  expect(idsOf(await list({ window: 'WINDOW_HOUR' }))).toEqual([over, second, first]);
  expect(idsOf(await state('ACTIVE'))).toEqual([third]);
  expect(idsOf(await state('REVOKED'))).toEqual([over]);
  expect(idsOf(await list({ contains: 'OU' }))).toEqual([over, second, first]);
  expect(idsOf(await list({ contains: 'OU', subjectKind: 'SUBJECT_KIND_PRINCIPAL' }))).toEqual([]);
});

test('pages follow each other', async () => {
  const pages: unknown[][] = [];
  let pageToken: unknown = '';
  do {
    const request = { orgId: 'acme', pageSize: 1, pageToken };
    const { body } = await plane.call('PolicyService/ListLimitRevisions', request);
    pages.push(idsOf((body['revisions'] ?? []) as Json[]));
    pageToken = body['nextPageToken'];
  } while (pageToken !== undefined);
  expect(pages.flat()).toEqual([over, third, second, first]);
});

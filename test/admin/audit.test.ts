import { createHash } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  AuditService,
  ExportAuditEntriesRequestSchema,
} from '../../gen/tollgate/admin/v1/audit_pb.ts';
import { appendAuditEntries } from '../../src/audit/append-entries.ts';
import { platformChain } from '../../src/audit/audit-trail.ts';
import { inTransaction } from '../../src/db/transaction.ts';
import { callGrpc } from '../support/admin-grpc.ts';
import { startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane, Answer, Json } from '../support/admin-plane.ts';

const orgId = 'acme';
let plane: AdminPlane;
let secret = '';
beforeAll(async () => {
  plane = await startAdminPlane();
  const done = async (rpc: string, message: Json, as?: string): Promise<Json> => {
    const { code, body } = await plane.call(rpc, message, as);
    expect(code).toBe('OK');
    return body;
  };
  await done('OrganizationService/CreateOrganization', { organization: { id: orgId } });
  await done('OrganizationService/CreateOrganization', { organization: { id: 'globex' } });
  await done('DirectoryService/CreateTeam', { orgId, team: { id: 'red' }, reason: 'new' });
  const red = { orgId, team: { id: 'red', displayName: 'Red' }, requestId: 'r1' };
  await done('DirectoryService/UpdateTeam', red, 'acme');
  const key = await done('CredentialService/CreateKey', { orgId, key: { id: 'k', team: 'red' } });
  secret = String(key['secret']);
  await done('CredentialService/RevokeKey', { orgId, id: 'k', reason: 'lost' });
  await done('DirectoryService/DeleteTeam', { orgId, id: 'red' });
  await inTransaction(plane.database.pool, (client) =>
    appendAuditEntries(
      client,
      { orgId: platformChain, now: new Date(0), by: { actor: 'root', reason: '' } },
      [{ kind: 'account', subject: 'ann', before: undefined, after: { name: 'ann' } }],
    ),
  );
});
afterAll(() => plane.stop());

const list = async (filter: Json, as?: string): Promise<readonly Json[]> => {
  const { code, body } = await plane.call('AuditService/ListAuditEntries', filter, as);
  expect(code).toBe('OK');
  return (body['entries'] ?? []) as readonly Json[];
};
const sequences = (entries: readonly Json[]): readonly unknown[] =>
  entries.map(({ sequence }) => sequence);

const wires: Record<string, (rpc: string, message: Json) => Promise<Answer>> = {
  'Connect JSON': (rpc, message) => plane.call(`AuditService/${rpc}`, message),
  gRPC: (rpc, message) => callGrpc(plane.url, AuditService, rpc, message),
};

describe.each(Object.entries(wires))('over %s', (_name, call) => {
  test('an entry says who did what, by which method, from where, and from what to what', async () => {
    const { body } = await call('GetAuditEntry', { orgId, sequence: 3 });
    expect(body['entry']).toMatchObject({
      orgId,
      sequence: '3',
      createTime: '2026-03-10T09:00:00Z',
      actor: 'acme-admin',
      rpc: 'UpdateTeam',
      peer: '127.0.0.1',
      kind: 'team',
      id: 'red',
      revision: '2',
      epoch: '3',
      requestId: 'r1',
      beforeJson: '{"displayName":"","form":1,"id":"red","state":"ACTIVE"}',
      afterJson: '{"displayName":"Red","form":1,"id":"red","state":"ACTIVE"}',
    });
  });

  test('entries are listed newest first, in pages, with the end of the chain', async () => {
    const first = (await call('ListAuditEntries', { orgId, pageSize: 4 })).body;
    expect(sequences(first['entries'] as Json[])).toEqual(['6', '5', '4', '3']);
    expect(first['head']).toMatchObject({ sequence: '6' });
    const pageToken = first['nextPageToken'];
    const last = (await call('ListAuditEntries', { orgId, pageSize: 4, pageToken })).body;
    expect(sequences(last['entries'] as Json[])).toEqual(['2', '1']);
    expect(last['nextPageToken']).toBeUndefined();
    const other = await call('ListAuditEntries', { orgId, actor: 'root', pageToken });
    expect(other.fields).toEqual(['page_token']);
  });

  test('a chain is verified up to its end, and against an end that was kept', async () => {
    const { body } = await call('VerifyAuditChain', { orgId });
    expect(body['fault']).toBeUndefined();
    expect(body['verified']).toEqual(body['head']);
    const again = await call('VerifyAuditChain', { orgId, after: body['head'] });
    expect(again.body).toEqual(body);
    const hash = 'ab'.repeat(32);
    const made = await call('VerifyAuditChain', { orgId, after: { sequence: 6, hash } });
    expect(made.body['fault']).toEqual({
      sequence: '6',
      kind: 'AUDIT_FAULT_KIND_NOT_AS_KEPT',
    });
  });

  test('the platform has a chain of its own', async () => {
    const { body } = await call('ListAuditEntries', {});
    expect(body['entries']).toMatchObject([{ sequence: '1', kind: 'account', id: 'ann' }]);
    expect((await call('VerifyAuditChain', {})).body['fault']).toBeUndefined();
  });

  test.each([
    ['GetAuditEntry', { orgId, sequence: 7 }, 'AUDIT_ENTRY_NOT_FOUND'],
    ['GetAuditEntry', { orgId, sequence: '9223372036854775807' }, 'AUDIT_ENTRY_NOT_FOUND'],
    ['GetAuditEntry', { orgId: 'nosuch', sequence: 1 }, 'ORGANIZATION_NOT_FOUND'],
    ['ListAuditEntries', { orgId: 'nosuch' }, 'ORGANIZATION_NOT_FOUND'],
    ['VerifyAuditChain', { orgId: 'nosuch' }, 'ORGANIZATION_NOT_FOUND'],
  ])('%s of %j is not found', async (rpc, message, reason) => {
    expect(await call(rpc, message)).toMatchObject({ code: 'NOT_FOUND', reason });
  });
});

const day = (number: number): string => `2026-03-${number}T09:00:00Z`;
test.each([
  [{ actor: 'acme-admin' }, ['3']],
  [{ rpc: 'CreateTeam' }, ['2']],
  [{ kind: 'team' }, ['6', '3', '2']],
  [{ kind: 'key', id: 'k' }, ['5', '4']],
  [{ kind: 'team', id: 'red', actor: 'root' }, ['6', '2']],
  [{ secretShown: true }, ['4']],
  [{ startTime: day(10), endTime: day(11), kind: 'key' }, ['5', '4']],
  [{ endTime: day(10) }, []],
  [{ startTime: day(11) }, []],
  [{ actor: 'nobody' }, []],
])('of %j the entries are %j', async (filter, expected) => {
  expect(sequences(await list({ orgId, ...filter }))).toEqual(expected);
});

// Planted: every role sees addresses.
test('a viewer sees the names of accounts and no addresses, and cannot export', async () => {
  const entries = await list({ orgId }, 'viewer');
  expect(entries.map(({ actor, peer }) => [actor, peer])).toContainEqual(['acme-admin', undefined]);
  expect(JSON.stringify(entries)).not.toContain('127.0.0.1');
  expect((await list({ orgId }, 'acme'))[0]).toMatchObject({ peer: '127.0.0.1' });
  for (const as of ['viewer', 'acme']) {
    const platform = await plane.call('AuditService/ListAuditEntries', {}, as);
    expect(platform.reason).toBe('ROLE_FORBIDDEN');
    const other = await plane.call(
      'AuditService/GetAuditEntry',
      { orgId: 'globex', sequence: 1 },
      as,
    );
    expect(other.reason).toBe('ORG_FORBIDDEN');
  }
});

// Planted: the hash of the secret in the document of a new key.
test('neither a secret nor its hash is in the trail', async () => {
  expect(secret.length).toBeGreaterThan(30);
  const { rows } = await plane.database.pool.query<{ text: string }>(
    'SELECT audit_entry::text AS text FROM audit_entry',
  );
  const all = rows.map(({ text }) => text).join('\n');
  const sha256 = createHash('sha256').update(secret).digest();
  for (const form of [secret, sha256.toString('hex'), sha256.toString('base64')]) {
    expect(all).not.toContain(form);
  }
});

const transports = {
  'Connect JSON': (baseUrl: string) =>
    createConnectTransport({ baseUrl, httpVersion: '1.1', useBinaryFormat: false }),
  gRPC: (baseUrl: string) => createGrpcTransport({ baseUrl }),
};

/** What an export says altogether, and the tokens on its way. */
async function exported(
  wire: keyof typeof transports,
  request: { pageSize?: number; pageToken?: string },
  as = 'root',
): Promise<{ text: string; tokens: readonly string[] }> {
  const client = createClient(AuditService, transports[wire](plane.url));
  const headers = { authorization: `Bearer ${as}` };
  const message = create(ExportAuditEntriesRequestSchema, { orgId, ...request });
  let text = '';
  const tokens: string[] = [];
  for await (const part of client.exportAuditEntries(message, { headers })) {
    text += part.jsonl;
    tokens.push(part.nextPageToken);
  }
  return { text, tokens };
}

describe.each(Object.keys(transports) as (keyof typeof transports)[])(
  'exported over %s',
  (wire) => {
    // Planted: a text with another address than the hash covers.
    test('a chain can be recomputed with plain code that knows nothing of its entries', async () => {
      const { text, tokens } = await exported(wire, { pageSize: 4 });
      expect(tokens).toEqual([expect.stringMatching(/./), '']);
      let previous = '0'.repeat(64);
      const lines = text.trimEnd().split('\n');
      for (const [index, line] of lines.entries()) {
        const [, entry = '', hash = ''] = /^\{"entry":(.*),"hash":"(.{64})"\}$/.exec(line) ?? [];
        const { previous_hash: before, sequence } = JSON.parse(entry) as Json;
        expect([sequence, before]).toEqual([index + 1, previous]);
        expect(createHash('sha256').update(entry).digest('hex')).toBe(hash);
        previous = hash;
      }
      expect(lines).toHaveLength(6);
      const { body } = await plane.call('AuditService/VerifyAuditChain', { orgId });
      expect(body['head']).toEqual({ sequence: '6', hash: previous });
    });

    test('it goes on where another one stopped', async () => {
      const whole = await exported(wire, {});
      const { tokens } = await exported(wire, { pageSize: 2 });
      const [pageToken = ''] = tokens;
      const rest = await exported(wire, { pageSize: 2, pageToken });
      expect(whole.text.split('\n').slice(2).join('\n')).toBe(rest.text);
    });

    test('a viewer, another list’s token and a stranger are refused with details', async () => {
      await expect(exported(wire, {}, 'viewer')).rejects.toMatchObject({ code: 7 });
      await expect(exported(wire, { pageToken: 'abc' })).rejects.toMatchObject({ code: 3 });
      await expect(exported(wire, {}, 'nobody')).rejects.toMatchObject({ code: 16 });
    });
  },
);

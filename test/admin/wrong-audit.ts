import type { Json } from '../support/admin-plane.ts';
import { each, int64s, optionalIds, orgCases, pageCases, texts, times } from './wrong-values.ts';
import type { Case } from './wrong-values.ts';

const auditTimeCases = (rest: Json): Case[] => [
  ...each('start_time', times, (startTime) => ({ ...rest, startTime })),
  ...each('end_time', times, (endTime) => ({ ...rest, endTime })),
  ...each('end_time', ['2026-03-01T00:00:00Z'], (startTime) => ({
    ...rest,
    startTime,
    endTime: startTime,
  })),
];

/** What is wrong in requests of the audit trail. */
export const auditCases: readonly [string, readonly Case[]][] = [
  [
    'AuditService/ListAuditEntries',
    [
      ...orgCases({}),
      ...pageCases({ orgId: 'acme' }),
      ...each('actor', optionalIds, (actor) => ({ orgId: 'acme', actor })),
      ...each('rpc', texts(200), (rpc) => ({ orgId: 'acme', rpc })),
      ...each('kind', texts(200), (kind) => ({ orgId: 'acme', kind })),
      ...each('kind', ['alice'], (id) => ({ orgId: 'acme', id })),
      ...each('id', texts(1000), (id) => ({ orgId: 'acme', kind: 'user', id })),
      ...auditTimeCases({ orgId: 'acme' }),
      ...each('secret_shown', ['yes', 1], (secretShown) => ({ orgId: 'acme', secretShown })),
    ],
  ],
  [
    'AuditService/GetAuditEntry',
    [
      ...orgCases({ sequence: 1 }),
      ...each('sequence', [...int64s, 0, undefined], (sequence) => ({ orgId: 'acme', sequence })),
    ],
  ],
  [
    'AuditService/ExportAuditEntries',
    [...orgCases({}), ...pageCases({ orgId: 'acme' }), ...auditTimeCases({ orgId: 'acme' })],
  ],
  [
    'AuditService/VerifyAuditChain',
    [
      ...orgCases({}),
      ...each('after.sequence', int64s, (sequence) => ({
        orgId: 'acme',
        after: { sequence, hash: '0'.repeat(64) },
      })),
      ...each('after.hash', ['', 'ab', 'AB'.repeat(32), 'g'.repeat(64), 7], (hash) => ({
        orgId: 'acme',
        after: { sequence: 1, hash },
      })),
    ],
  ],
];

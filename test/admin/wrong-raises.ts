import type { Json } from '../support/admin-plane.ts';
import { subjects, usd } from './wrong-policies.ts';
import {
  changeCases,
  each,
  enums,
  ids,
  optionalIds,
  orgCases,
  pageCases,
  times,
} from './wrong-values.ts';
import type { Case, Make } from './wrong-values.ts';

/** A raise with nothing wrong, but that there is no such limit. */
const raise = { subject: 'org', limitName: 'cap', add: '1', expireTime: '2100-01-01T00:00:00Z' };
const reason = 'launch';
const one = { orgId: 'acme', id: 'one', reason };
const created = (more: Json): Json => ({
  orgId: 'acme',
  limitRaise: { ...raise, ...more },
  reason,
});
const listed: Make = (filter) => ({ orgId: 'acme', ...(filter as Json) });
const whole = { orgId: 'acme', limitRaise: raise, reason };
const at = (field: string): string => `limit_raise.${field}`;
const notEmpty = (text: string): boolean => text !== '';

/** By RPC. */
export const raiseCases: readonly [string, readonly Case[]][] = [
  [
    'RaiseService/CreateRaise',
    [
      ...orgCases({ limitRaise: raise, reason }),
      ...changeCases(whole),
      ...each('reason', ['', ' '], (text) => ({ ...whole, reason: text })),
      ['limit_raise', { orgId: 'acme', reason }],
      ...each(at('id'), optionalIds, (id) => created({ id })),
      ...each(at('subject'), subjects, (subject) => created({ subject })),
      ...each(at('limit_name'), ids, (limitName) => created({ limitName })),
      ...each(at('applies_to'), subjects.filter(notEmpty), (appliesTo) => created({ appliesTo })),
      ...each(at('add'), [...usd, 'unlimited', '1'.repeat(65), 5], (add) => created({ add })),
      ...each(at('amount'), [...usd, 5], (amount) => created({ add: undefined, amount })),
      [at('add'), created({ add: undefined })],
      ...each(at('expire_time'), times, (expireTime) => created({ expireTime })),
      [at('expire_time'), created({ expireTime: undefined })],
    ],
  ],
  [
    'RaiseService/GetRaise',
    [...orgCases({ id: 'one' }), ...each('id', ids, (id) => ({ orgId: 'acme', id }))],
  ],
  [
    'RaiseService/ListRaises',
    [
      ...orgCases({}),
      ...pageCases({ orgId: 'acme' }),
      ...each('subject', subjects.filter(notEmpty), (subject) => listed({ subject })),
      ...each('limit_name', optionalIds, (limitName) => listed({ limitName })),
      ...each('applies_to', subjects.filter(notEmpty), (appliesTo) => listed({ appliesTo })),
      ...each('state', enums, (state) => listed({ state })),
    ],
  ],
  [
    'RaiseService/RevokeRaise',
    [
      ...orgCases({ id: 'one', reason }),
      ...changeCases(one),
      ...each('reason', ['', ' '], (text) => ({ ...one, reason: text })),
      ...each('id', ids, (id) => ({ ...one, id })),
    ],
  ],
];

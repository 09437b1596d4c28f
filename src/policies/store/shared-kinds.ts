import type { RecordKind } from '../policy-store.ts';
import type { SubjectKind } from '../../core/subject.ts';

/** The subjects whose policies belong to every view of an organization; the others' are loaded when named. */
export const sharedPolicyKinds = [
  'org',
  'team',
  'tier',
  'label',
] as const satisfies readonly SubjectKind[];

/** The records that belong to every view of an organization; the others are loaded when named. */
export const sharedRecordKinds = [
  'team',
  'model',
  'route_group',
] as const satisfies readonly RecordKind[];

/** The kinds that have a record and a policy of their own, both loaded when a call names the subject. */
export const namedKinds = [
  'user',
  'principal',
  'app',
  'customer',
  'key',
  'token',
] as const satisfies readonly (RecordKind & SubjectKind)[];
export type NamedKind = (typeof namedKinds)[number];

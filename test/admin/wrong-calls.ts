import { subjects } from './wrong-policies.ts';
import {
  each,
  enums,
  ids,
  int64s,
  optionalIds,
  orgCases,
  pageCases,
  requestIds,
  texts,
  times,
} from './wrong-values.ts';
import type { Json } from '../support/admin-plane.ts';
import type { Case } from './wrong-values.ts';

const orgId = 'acme';
const present = (values: readonly unknown[]) => values.filter((value) => value !== '');

const filterCases = (rest: Json): Case[] => [
  ...each('user', optionalIds, (user) => ({ ...rest, user })),
  ...each('action', enums, (action) => ({ ...rest, action })),
  ...each('limit', texts(1000), (limit) => ({ ...rest, limit })),
  ...each('subjects[1]', subjects, (subject) => ({ ...rest, subjects: ['org', subject] })),
  ['subjects', { ...rest, subjects: Array.from({ length: 9 }, () => 'org') }],
  ...each('target', optionalIds, (target) => ({ ...rest, target })),
  ...each('start_time', times, (startTime) => ({ ...rest, startTime })),
  ...each('end_time', [...times, '2026-03-01T00:00:00Z'], (endTime) => ({
    ...rest,
    startTime: '2026-03-01T00:00:00.001Z',
    endTime,
  })),
];

/** Wrong requests of the calls that are kept, and of events. */
export const callCases: readonly [string, Case[]][] = [
  [
    'EnforcementService/ListEvents',
    [...orgCases({}), ...pageCases({ orgId }), ...filterCases({ orgId })],
  ],
  [
    'EnforcementService/CountEvents',
    [
      ...orgCases({}),
      ...filterCases({ orgId }),
      ...each('interval', enums, (interval) => ({ orgId, interval })),
      ...each('group_by', enums, (groupBy) => ({ orgId, groupBy })),
      [
        'start_time',
        { orgId, startTime: '2026-01-01T00:00:00Z', endTime: '2026-02-11T16:00:00.001Z' },
      ],
      ['action', { orgId, groupBy: 'COUNT_GROUP_DENIAL_REASON', action: 'EVENT_ACTION_BLOCKED' }],
      ['limit', { orgId, groupBy: 'COUNT_GROUP_DENIAL_REASON', limit: 'org/cap' }],
    ],
  ],
  [
    'CallService/GetCall',
    [...orgCases({ id: 'r1' }), ...each('id', requestIds, (id) => ({ orgId, id }))],
  ],
  [
    'CallService/ListCalls',
    [
      ...orgCases({}),
      ...pageCases({ orgId }),
      ...each('start_time', times, (startTime) => ({ orgId, startTime })),
      ...each('end_time', [...times, '2026-03-01T00:00:00Z'], (endTime) => ({
        orgId,
        startTime: '2026-03-01T00:00:00.001Z',
        endTime,
      })),
      ...each('subject', present(subjects), (subject) => ({ orgId, subject })),
      ...each('target', optionalIds, (target) => ({ orgId, target })),
      ...each('decision', enums, (decision) => ({ orgId, decision })),
      ...each('denial_reason', enums, (denialReason) => ({ orgId, denialReason })),
      ...each('state', enums, (state) => ({ orgId, state })),
      ...each('parent_request_id', present(requestIds), (parentRequestId) => ({
        orgId,
        parentRequestId,
      })),
    ],
  ],
  [
    'CallService/ExplainCall',
    [
      ...orgCases({ target: 'm' }),
      ...each('target', ids, (target) => ({ orgId, target })),
      ...each('subjects.user', ids, (user) => ({ orgId, target: 'm', subjects: { user } })),
      ...each('provider', ids, (provider) => ({ orgId, target: 'm', provider })),
      ...each('service_tier', ['', 'Up', 'a b', 7], (serviceTier) => ({
        orgId,
        target: 'm',
        serviceTier,
      })),
      ...each('estimate.input_tokens', int64s, (inputTokens) => ({
        orgId,
        target: 'm',
        estimate: { inputTokens },
      })),
      ...each('settle_now', ['yes', 1], (settleNow) => ({ orgId, target: 'm', settleNow })),
      ...each('drafts[0].subject', subjects, (subject) => ({
        orgId,
        target: 'm',
        drafts: [{ subject }],
      })),
    ],
  ],
  [
    'CallService/WatchCalls',
    [
      ...orgCases({}),
      ...each('subject', present(subjects), (subject) => ({ orgId, subject })),
      ...each('target', optionalIds, (target) => ({ orgId, target })),
      ...each('decision', enums, (decision) => ({ orgId, decision })),
      ...each('denial_reason', enums, (denialReason) => ({ orgId, denialReason })),
      ...each('sample_percent', [-1, 101, 1.5, 'many'], (samplePercent) => ({
        orgId,
        samplePercent,
      })),
      ...each('max_calls_per_second', [-1, 1.5, 'many'], (maxCallsPerSecond) => ({
        orgId,
        maxCallsPerSecond,
      })),
    ],
  ],
];

import { expect, test } from 'vitest';
import { SubjectKind } from '../../../gen/tollgate/v1/limit_pb.ts';
import type { StoredEvent } from '../../../src/service/admin/events.ts';
import { eventToMessage } from '../../../src/wire/admin/events.ts';

const stored: StoredEvent = {
  id: 'e1',
  firstAtMs: 0,
  lastAtMs: 0,
  occurrences: 1n,
  action: 'BLOCKED',
  requestId: 'r',
  user: 'alice',
  target: 'gpt',
  subjects: ['user:alice', 'team:a%2Fb', 'org', 'team:a%2Fb/user:alice'],
  sum: { meter: 'team:a%2Fb/user:alice@x', metric: 'COST', window: 'DAY', spend: 1n },
  limit: {
    subject: 'team:a%2Fb',
    name: 'team:a%2Fb/x%2Fy',
    revision: 1,
    amount: 1n,
    raised: undefined,
    ask: 1n,
    threshold: undefined,
  },
};

// Planted: with the name of the limit left encoded, and with another declaring subject, it
// is red.
test('an event has the parts of its names, without any encoding', () => {
  const alice = { kind: SubjectKind.USER, id: 'alice' };
  const team = { kind: SubjectKind.TEAM, id: 'a/b' };
  expect(eventToMessage(stored)).toMatchObject({
    limit: 'team:a%2Fb/x%2Fy',
    limitSubject: team,
    limitName: 'x/y',
    meter: { subject: alice, insideTeam: 'a/b', targets: ['x'], name: 'team:a%2Fb/user:alice@x' },
    meters: [
      { subject: alice, insideTeam: '' },
      { subject: team },
      { subject: { kind: SubjectKind.ORG, id: '' } },
      { subject: alice, insideTeam: 'a/b' },
    ],
  });
});

test('an event without a limit or a sum has no parts of them', () => {
  const message = eventToMessage({ ...stored, limit: undefined, sum: undefined });
  expect(message).toMatchObject({ limit: '', limitName: '' });
  expect(message).not.toHaveProperty('limitSubject');
  expect(message).not.toHaveProperty('meter');
});

// Planted: with a failure instead, it is red.
test('a meter that cannot be read is passed on by its name', () => {
  const { meters } = eventToMessage({ ...stored, subjects: ['galaxy:1'] });
  expect(meters).toMatchObject([{ name: 'galaxy:1' }]);
  expect(meters[0]).not.toHaveProperty('subject');
});

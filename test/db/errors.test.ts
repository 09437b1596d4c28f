import { expect, test } from 'vitest';
import { faultOf, storeFailure } from '../../src/db/errors.ts';
import { ServiceError } from '../../src/platform/service-error.ts';

function failure(message: string, code?: string): Error {
  return Object.assign(new Error(message), code === undefined ? {} : { code });
}

test.each([
  ['40001', 'could not serialize', true],
  ['40P01', 'deadlock detected', true],
  ['08006', 'connection failure', true],
  ['57P01', 'terminating connection', true],
  ['ECONNREFUSED', 'connect ECONNREFUSED', true],
  ['XX000', 'could not commit transaction for shard 102 on any node', true],
  ['XX000', 'cache lookup failed', false],
  ['53100', 'No space left on device', false],
  ['57014', 'canceling statement due to statement timeout', false],
  ['23505', 'duplicate key value', false],
  ['23514', 'new row for relation "usage_rest" violates partition constraint', true],
  ['23514', 'new row for relation "org" violates check constraint', false],
  ['42P01', 'relation does not exist', false],
  [undefined, 'Connection terminated unexpectedly', true],
  [undefined, 'anything else', false],
])('%s %s: may be repeated is %s', (code, message, retryable) => {
  expect(faultOf(failure(message, code)).retryable).toBe(retryable);
});

test('a store that refuses the session is UNAVAILABLE and keeps its cause to itself', () => {
  const text = 'password authentication failed for user "root"';
  const cause = Object.assign(failure(text, '28P01'), { severity: 'FATAL' });
  const said = storeFailure(cause);
  expect(said).toMatchObject({ kind: 'UNAVAILABLE', reason: 'STORE_UNAVAILABLE', cause });
  expect(said.message).not.toContain('root');
});

test('the error has the meaning of the SQLSTATE where it is known', () => {
  const full = storeFailure(failure('could not extend file "base/5/16390"', '53100'));
  expect(full.message).toBe('the store is unavailable: disk full');
});

/* Red when every failure was one of the store: a statement of ours that is wrong opened budgets under ALLOW. */
test.each([
  [undefined, 'anything else'],
  ['42P01', 'relation does not exist'],
  ['22003', 'value out of range'],
  ['23505', 'duplicate key value'],
  ['XX000', 'cache lookup failed'],
])('%s %s is a fault of ours: INTERNAL, and its text is not sent', (code, message) => {
  const said = storeFailure(failure(message, code));
  expect(said).toMatchObject({ kind: 'INTERNAL', reason: 'INTERNAL', message: 'internal error' });
});

test.each([
  ['08006', 'connection failure'],
  ['53100', 'No space left on device'],
  ['57P03', 'the database system is starting up'],
  ['25P03', 'terminating connection due to idle-in-transaction timeout'],
  ['ETIMEDOUT', 'the store was silent'],
  [undefined, 'Connection terminated due to connection timeout'],
  [undefined, 'timeout expired'],
  [undefined, 'Query read timeout'],
])('%s %s is a store that is away', (code, message) => {
  expect(storeFailure(failure(message, code)).reason).toBe('STORE_UNAVAILABLE');
});

/* Red when a busy pool was a store that is away: ten slow readings made a healthy replica NOT_SERVING. */
test.each([
  ['POOL_BUSY', 'no connection was free in time'],
  ['57014', 'canceling statement due to statement timeout'],
  ['25P04', 'terminating connection due to transaction timeout'],
  ['55P03', 'canceling statement due to lock timeout'],
])('%s %s is a store that is busy, which opens nothing', (code, message) => {
  const said = storeFailure(failure(message, code));
  expect(said).toMatchObject({ kind: 'RESOURCE_EXHAUSTED', reason: 'STORE_BUSY' });
  expect(said.retryAfterMs).toBeGreaterThan(0);
});

test('what the service itself refused stays as it is', () => {
  const refused = new ServiceError('TEAM_NOT_FOUND', 'red: not found', {
    metadata: { name: 'red' },
  });
  expect(storeFailure(refused)).toBe(refused);
});

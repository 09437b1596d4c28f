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

test('whatever fails in the store is UNAVAILABLE and keeps its cause to itself', () => {
  const cause = failure('password authentication failed for user "root"', '28P01');
  const said = storeFailure(cause);
  expect(said).toMatchObject({ kind: 'UNAVAILABLE', reason: 'STORE_UNAVAILABLE', cause });
  expect(said.message).not.toContain('root');
});

test('what it means is told where it is known', () => {
  const full = storeFailure(failure('could not extend file "base/5/16390"', '53100'));
  expect(full.message).toBe('the store is unavailable: disk full');
  expect(storeFailure(failure('anything else')).message).toBe('the store is unavailable');
});

test('what the service itself refused stays as it is', () => {
  const refused = new ServiceError('NOT_FOUND', 'TEAM_NOT_FOUND', 'red: not found');
  expect(storeFailure(refused)).toBe(refused);
});

import { expect, test } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import { runCommand } from '../support/run-command.ts';

/* Red before: the process ended with an uncaught EPIPE. */
test('playing scenarios ends when nobody reads what it prints', async () => {
  const database = await createTestDatabase();
  const settings = { DATABASE_URL: database.url };
  const { child, said, ended } = runCommand(['test', 'test/scenarios'], settings);
  child.stdout.once('data', () => child.stdout.destroy());
  expect(await ended).toBe(130);
  expect(said.err).toBe('');
  await database.drop();
});

import { EventEmitter } from 'node:events';
import type { Client } from 'pg';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { firstToOpen } from '../../src/db/first-to-open.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
});

afterEach(() => {
  vi.useRealTimers();
});

interface Attempt {
  readonly client: Client;
  readonly destroyed: () => boolean;
  readonly opens: () => void;
  readonly fails: (cause: Error) => void;
}

/** Attempts that end when the test says so. */
function createAttempts() {
  const attempts: Attempt[] = [];
  const open = (): Promise<Client> => {
    const { promise, resolve, reject } = Promise.withResolvers<Client>();
    let isDestroyed = false;
    const stream = { destroy: () => (isDestroyed = true) };
    const client = Object.assign(new EventEmitter(), {
      connection: { stream },
    }) as unknown as Client;
    attempts.push({
      client,
      destroyed: () => isDestroyed,
      opens: () => resolve(client),
      fails: reject,
    });
    return promise;
  };
  return { attempts, open };
}

/* Planted, seen red: only one attempt. */
test('an attempt that was lost does not keep the one after it from opening', async () => {
  const { attempts, open } = createAttempts();
  const opening = firstToOpen({ open, everyMs: 100 });
  await vi.advanceTimersByTimeAsync(250);
  expect(attempts).toHaveLength(3);
  attempts[1]?.opens();
  expect(await opening).toBe(attempts[1]?.client);
  await vi.advanceTimersByTimeAsync(1000);
  expect(attempts).toHaveLength(3);
});

/* Planted, seen red: late connections are kept. Each one stayed open at the server. */
test('connections that open after the first are closed', async () => {
  const { attempts, open } = createAttempts();
  const opening = firstToOpen({ open, everyMs: 100 });
  await vi.advanceTimersByTimeAsync(150);
  attempts[1]?.opens();
  await opening;
  attempts[0]?.opens();
  await vi.advanceTimersByTimeAsync(0);
  expect(attempts.map(({ destroyed }) => destroyed())).toEqual([true, false]);
});

test('a refusal decides at once, and a connection that opens later is closed', async () => {
  const { attempts, open } = createAttempts();
  const opening = firstToOpen({ open, everyMs: 100 });
  const refused = expect(opening).rejects.toThrow('refused');
  await vi.advanceTimersByTimeAsync(150);
  attempts[1]?.fails(new Error('refused'));
  await refused;
  attempts[0]?.opens();
  await vi.advanceTimersByTimeAsync(500);
  expect(attempts.map(({ destroyed }) => destroyed())).toEqual([true, false]);
});

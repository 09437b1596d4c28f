import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { both, faultOf } from './fault.ts';
import type { Fault, FaultKind } from './fault.ts';
import type { ReplicaIndex } from './replica.ts';
import { accountOf } from './stage.ts';

/** Steps in the life of a session in the store, as pg_stat_activity tells them apart. */
const steps = {
  connecting: `(state = 'starting' OR state IS NULL OR backend_start > clock_timestamp() - interval '30 ms')`,
  idle: `state = 'idle'`,
  'in transaction': 'xact_start IS NOT NULL',
  committing: `state = 'active' AND query ILIKE 'commit%'`,
  'of any kind': 'true',
} as const;

type LifeStep = keyof typeof steps;
const lifeSteps = Object.keys(steps) as [LifeStep, ...LifeStep[]];

/** What happens to the store itself. */
export const storeFaults: Readonly<Record<string, FaultKind>> = {
  'freeze-store': () => freezeStore(),
  'crash-store': () =>
    outage('crash the store', async ({ store }) => {
      await store.crash();
      await store.start();
    }),
  'restart-store': () =>
    outage('restart the store', async ({ store }) => {
      await store.shutDown();
      await store.start();
    }),
  'fill-disk': () => fillDisk(),
  'end-backends': (random) => {
    const replicas = random.pick<readonly ReplicaIndex[]>([[0], [1], [0, 1]]);
    return endBackends(random.pick(lifeSteps), replicas);
  },
};

/** SIGSTOP of all its processes, then SIGCONT: connections stay, and say nothing. */
export function freezeStore(): Fault {
  return faultOf('freeze the store', both, {
    parts: both,
    async play({ store }, _, forMs) {
      store.freeze();
      await delay(forMs);
      store.thaw();
      return [];
    },
  });
}

function outage(name: string, play: (stage: Parameters<Fault['play']>[0]) => Promise<void>): Fault {
  return faultOf(name, both, {
    parts: both,
    async play(stage) {
      await play(stage);
      return [];
    },
  });
}

/** No room for tables and indexes; where the disk is not the run's own, nothing happens. */
function fillDisk(): Fault {
  return faultOf('fill the disk', both, {
    parts: both,
    async play({ store }, _, forMs) {
      if (!store.hasOwnDisk) return [];
      store.fillDisk();
      await delay(forMs);
      store.freeDisk();
      return [];
    },
  });
}

/** `pg_terminate_backend` again and again of sessions at one step of their life. */
export function endBackends(step: LifeStep, replicas: readonly ReplicaIndex[]): Fault {
  const name = `end backends ${step} of ${replicas.join(' and ')}`;
  return faultOf(name, replicas, {
    parts: replicas,
    async play(stage, random, forMs) {
      const client = new Client({ connectionString: stage.database() });
      client.on('error', () => undefined);
      const endMs = performance.now() + forMs;
      const accounts = replicas.map(accountOf);
      // None connects unless one was ended before.
      const wanted =
        step === 'connecting' ? [steps.connecting, steps['of any kind']] : [steps[step]];
      try {
        await client.connect();
        while (performance.now() < endMs && stage.store.isRunning()) {
          const among = wanted[random.between(0, 3) === 0 ? wanted.length - 1 : 0] ?? 'true';
          await client.query(
            `SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity
              WHERE usename = ANY ($1) AND ${among} ORDER BY random() LIMIT 2) AS victims`,
            [accounts],
          );
          await delay(step === 'idle' ? random.between(20, 200) : random.between(0, 20));
        }
      } catch {
        // Another fault has taken the store away.
      } finally {
        await client.end().catch(() => undefined);
      }
      return [];
    },
  });
}

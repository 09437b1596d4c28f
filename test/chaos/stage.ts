import { mkdirSync } from 'node:fs';
import { Pool } from 'pg';
import { migrate } from '../../src/db/migrate.ts';
import { gatewayToken } from '../support/organization.ts';
import { executeOn, withDatabase } from '../support/postgres-server.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';
import { createAdministrator } from './administrator.ts';
import type { Administrator } from './administrator.ts';
import { createGate } from './gate.ts';
import type { Gate } from './gate.ts';
import type { Violation } from './journal.ts';
import { createReplica } from './replica.ts';
import type { Replica, ReplicaIndex } from './replica.ts';
import { startChaosStore } from './store.ts';
import type { ChaosStore } from './store.ts';
import { createTenants } from './tenants.ts';

/** All that a run plays on: a store, two replicas, and a proxy on each way between them and to their callers. */
export interface Stage {
  readonly store: ChaosStore;
  readonly replicas: readonly [Replica, Replica];
  /** From each replica to the store. */
  readonly links: readonly [TcpProxy, TcpProxy];
  /** From the callers to each replica. */
  readonly fronts: readonly [TcpProxy, TcpProxy];
  readonly gates: readonly [Gate, Gate];
  readonly administrator: Administrator;
  /** The database of the replicas, past the proxies. */
  database(): string;
  /** Processes that ended and were not asked to, since this was last read. */
  takeDeaths(): Violation[];
  /** A connection pool past all proxies, for as long as the work takes. */
  withPool<T>(work: (pool: Pool) => Promise<T>): Promise<T>;
  /** Ends every fault and waits until both replicas serve; throws when they do not in time. */
  heal(): Promise<void>;
  close(): Promise<void>;
}

/** The account that a replica has in the store, which identifies its sessions. */
export function accountOf(replica: ReplicaIndex): string {
  return `replica_${replica}`;
}

const password = 'chaos';
const database = 'chaos';
const healTimeoutMs = 30_000;

/** Builds it in a folder, which also gets the logs. */
export async function buildStage(folder: string, diskMiB?: number): Promise<Stage> {
  mkdirSync(folder, { recursive: true });
  const store = await startChaosStore(folder, diskMiB);
  const url = (): string => withDatabase(store.url(), database);
  await prepareStore(store.url(), url());

  const deaths: Violation[] = [];
  const onDeath = (index: ReplicaIndex, how: string): void => {
    const evidence = `replica ${index}: ${how}; see replica-${index}.log`;
    deaths.push({ promise: 'no fault ends a process', evidence });
  };
  const link = () => proxyTo(() => store.port());
  const links = [await link(), await link()] as const;
  const replicaOf = (index: ReplicaIndex): Replica => {
    const account = `${accountOf(index)}:${password}`;
    const databaseUrl = `postgres://${account}@127.0.0.1:${links[index].port}/${database}`;
    return createReplica({ index, folder, databaseUrl, onDeath });
  };
  const replicas = [replicaOf(0), replicaOf(1)] as const;
  await Promise.all(replicas.map((replica) => replica.start()));
  const front = ({ index }: Replica) => proxyTo(() => replicas[index].dataPort);
  const fronts = [await front(replicas[0]), await front(replicas[1])] as const;
  const gates = [
    createGate(fronts[0].port, gatewayToken),
    createGate(fronts[1].port, gatewayToken),
  ] as const;

  const withPool: Stage['withPool'] = async (work) => {
    const pool = new Pool({ connectionString: url(), max: 2 });
    pool.on('error', () => {
      // The statement under way says it.
    });
    try {
      return await work(pool);
    } finally {
      await pool.end();
    }
  };
  return {
    store,
    replicas,
    links,
    fronts,
    gates,
    administrator: createAdministrator(replicas),
    database: url,
    takeDeaths: () => deaths.splice(0),
    withPool,
    heal: () => heal(store, [...links, ...fronts], replicas),
    async close() {
      for (const gate of gates) gate.close();
      for (const replica of replicas) replica.resume();
      await Promise.all(replicas.map((replica) => replica.kill()));
      await Promise.all([...links, ...fronts].map((proxy) => proxy.close()));
      await store.stop();
    },
  };
}

async function prepareStore(serverUrl: string, url: string): Promise<void> {
  await executeOn(serverUrl, `CREATE DATABASE ${database}`);
  for (const index of [0, 1] as const) {
    await executeOn(
      serverUrl,
      `CREATE ROLE ${accountOf(index)} SUPERUSER LOGIN PASSWORD '${password}'`,
    );
  }
  await migrate(url);
  const pool = new Pool({ connectionString: url, max: 2 });
  await createTenants(pool);
  await pool.end();
}

async function heal(
  store: ChaosStore,
  proxies: readonly TcpProxy[],
  replicas: readonly Replica[],
): Promise<void> {
  for (const proxy of proxies) letPass(proxy);
  for (const replica of replicas) replica.resume();
  store.freeDisk();
  store.thaw();
  await store.start();
  const tooLate = new Promise<never>((_, reject) => {
    const timer = setTimeout(
      () => reject(new Error('a replica did not serve again after every fault was lifted')),
      healTimeoutMs,
    );
    timer.unref();
  });
  await Promise.race([Promise.all(replicas.map((replica) => replica.start())), tooLate]);
}

/** A proxy to a port that may be another after each start of what listens there. */
function proxyTo(port: () => number): Promise<TcpProxy> {
  return startTcpProxy({
    host: '127.0.0.1',
    get port() {
      return port();
    },
  });
}

/** Ends whatever a proxy does beside passing on. */
export function letPass(proxy: TcpProxy): void {
  proxy.set('pass', 'pass');
  proxy.delay(0);
  proxy.restore();
}

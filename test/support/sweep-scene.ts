import { handMovedClock } from '../../src/platform/database-clock.ts';
import type { Sweep, SweepOptions } from '../../src/ledger/sweep/sweep.ts';
import { createTestDatabase } from './database.ts';
import type { TestDatabase } from './database.ts';
import { checksOf, startReplica } from './replica-ledger.ts';
import type { Replica } from './replica-ledger.ts';
import { startSweep } from './replica-sweep.ts';

/** A database with holds, and sweeps that end them, by the time of one replica. */
export interface SweepScene {
  readonly database: TestDatabase;
  /** Makes holds of a minute now: `acme-0`, `acme-1` and so on; its clock is moved by hand. */
  readonly replica: Replica;
  start(options?: Partial<SweepOptions>): Sweep;
  makeHolds(orgId: string, count: number): Promise<void>;
  /** The number of open holds of each organization that has any. */
  openHolds(): Promise<Record<string, number>>;
  end(): Promise<void>;
}

/** Makes an empty one. */
export async function createSweepScene(): Promise<SweepScene> {
  const database = await createTestDatabase();
  const replica = startReplica(database);
  const sweeps: Sweep[] = [];
  return {
    database,
    replica,
    start(options = {}) {
      const clock = handMovedClock({ nowMs: () => replica.nowMs });
      const sweep = startSweep(database, { clock, ...options });
      sweeps.push(sweep);
      return sweep;
    },
    async makeHolds(orgId, count) {
      const check = (await checksOf(database, orgId))({});
      const units = [{ name: 'image', count: 2n }];
      const served = { provider: 'azure', serviceTier: 'flex' };
      const call = { input: 1n, output: 1n, cost: 3n, requests: 4n, units, ...served };
      // No more at once than one organization may have waiting.
      for (let from = 0; from < count; from += 400) {
        const numbers = Array.from({ length: Math.min(400, count - from) }, (_, at) => from + at);
        await Promise.all(numbers.map((number) => check(replica, `${orgId}-${number}`, call)));
      }
    },
    async openHolds() {
      const { rows } = await database.pool.query<{ org_id: string; count: number }>(
        "SELECT org_id, count(*)::int AS count FROM call WHERE state = 'OPEN' GROUP BY org_id",
      );
      return Object.fromEntries(rows.map((row) => [row.org_id, row.count]));
    },
    async end() {
      await Promise.all([replica.ledger.close(), ...sweeps.map((sweep) => sweep.close())]);
      await database.drop();
    },
  };
}

/** A monotonic clock that is moved by hand; each look at it takes a millisecond. */
export function handMonotonic(): { readonly monotonicMs: () => number; move(ms: number): void } {
  let nowMs = 0;
  return {
    monotonicMs: () => (nowMs += 1),
    move(ms) {
      nowMs += ms;
    },
  };
}

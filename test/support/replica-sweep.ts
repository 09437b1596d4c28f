import { meterOf } from '../../src/core/meter.ts';
import { orgSubject } from '../../src/core/subject.ts';
import { faultOf, storeFailure } from '../../src/db/errors.ts';
import { connectLane } from '../../src/db/lane-client.ts';
import { streamOf } from '../../src/db/open-client.ts';
import type { ClosePlanner } from '../../src/ledger/ledger.ts';
import { createSweep } from '../../src/ledger/sweep/sweep.ts';
import type { Sweep, SweepOptions } from '../../src/ledger/sweep/sweep.ts';
import type { TestDatabase } from './database.ts';
import { plainOrganization } from './organization.ts';

/** Plans the end of a hold that is counted by its organization alone. */
export const planEnd: ClosePlanner = (stored, atLeastEpoch) => ({
  epoch: Math.max(stored.priceEpochs.own, atLeastEpoch),
  calendar: plainOrganization(stored.orgId).calendar,
  meters: [meterOf(orgSubject)],
  onExpiry: plainOrganization(stored.orgId).onExpiry,
});

/** Starts the sweep of a replica, whose rests take no time; close it in the end. */
export function startSweep(
  database: TestDatabase,
  options: Pick<SweepOptions, 'clock'> & Partial<SweepOptions>,
): Sweep {
  return createSweep({
    connect: (prepare) =>
      connectLane(
        {
          connectionString: database.url,
          statementTimeoutMs: 20_000,
          connectTimeoutMs: 20_000,
        },
        prepare,
      ),
    streamOf,
    silenceMs: 20_000,
    perOrganization: false,
    plan: planEnd,
    isStoreWide: (cause) => faultOf(cause).blame === 'away',
    isTransient: (cause) => faultOf(cause).retryable,
    failure: storeFailure,
    monotonicMs: () => performance.now(),
    pause: () => Promise.resolve(),
    ...options,
  });
}

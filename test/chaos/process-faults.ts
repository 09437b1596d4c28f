import { setTimeout as delay } from 'node:timers/promises';
import { faultOf } from './fault.ts';
import type { Fault, FaultKind } from './fault.ts';
import type { ReplicaIndex } from './replica.ts';

const either = [0, 1] as const;
/** DRAIN_WAIT and DRAIN_TIMEOUT of the replicas here, and what a busy machine adds. */
const mostDrainMs = 2_200 + 1_500;
/** After it a process that does not obey SIGTERM is killed. */
const killAfterMs = 15_000;

/** What happens to the processes of replicas, and to their clocks. */
export const processFaults: Readonly<Record<string, FaultKind>> = {
  'pause-replica': (random) => pauseReplica(random.pick(either)),
  'kill-replica': (random) => killReplica(random.pick(either)),
  'terminate-replica': (random) => terminateReplica(random.pick(either)),
  'step-clock': (random) => {
    const replicas = random.pick<readonly ReplicaIndex[]>([[0], [1], [0, 1]]);
    return stepClock(replicas, random.pick([-600_000, 600_000]));
  },
};

/** SIGSTOP, then SIGCONT. */
export function pauseReplica(index: ReplicaIndex): Fault {
  return faultOf(`pause replica ${index}`, [index], {
    silences: [index],
    parts: [index],
    async play({ replicas }, _, forMs) {
      replicas[index].pause();
      await delay(forMs);
      replicas[index].resume();
      return [];
    },
  });
}

/** SIGKILL, and another process after a moment. */
export function killReplica(index: ReplicaIndex): Fault {
  return faultOf(`kill replica ${index}`, [index], {
    silences: [index],
    async play({ replicas }, random) {
      await replicas[index].kill();
      await delay(random.between(0, 500));
      // It may not come up while another fault lasts; healing waits for it.
      replicas[index].start().catch(() => undefined);
      return [];
    },
  });
}

/** SIGTERM, in whatever state it is, and another process after it. */
function terminateReplica(index: ReplicaIndex): Fault {
  return faultOf(`terminate replica ${index}`, [index], {
    silences: [index],
    async play({ replicas }, random, forMs) {
      await delay(random.between(0, forMs));
      const tookMs = await replicas[index].terminate(killAfterMs);
      replicas[index].start().catch(() => undefined);
      if (tookMs !== undefined && tookMs <= mostDrainMs) return [];
      const took = tookMs === undefined ? 'never' : `after ${Math.round(tookMs)} ms`;
      const evidence = `replica ${index} ended ${took}; ${mostDrainMs} ms are allowed`;
      return [{ promise: 'SIGTERM ends a process in every state', evidence }];
    },
  });
}

/** The wall clocks of replicas step; they go back at the end, which is a step as well. Nobody notices. */
export function stepClock(indexes: readonly ReplicaIndex[], offsetMs: number): Fault {
  const sign = offsetMs < 0 ? '-' : '+';
  const name = `step clock of ${indexes.join(' and ')} by ${sign}${Math.abs(offsetMs) / 60_000} min`;
  return faultOf(name, [], {
    async play({ replicas }, _, forMs) {
      for (const index of indexes) replicas[index].stepClock(offsetMs);
      await delay(forMs);
      for (const index of indexes) replicas[index].stepClock(0);
      return [];
    },
  });
}

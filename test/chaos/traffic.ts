import { setTimeout as delay } from 'node:timers/promises';
import { seededRandom } from '../support/random.ts';
import type { Random } from '../support/random.ts';
import type { Asker } from './asking.ts';
import { createCaller } from './caller.ts';
import type { Journal } from './journal.ts';
import { live } from './lives.ts';
import { makeMistakes } from './mistakes.ts';
import { bringNewcomers } from './newcomers.ts';
import type { PolicySwitch } from './policy-switch.ts';
import { probeAll } from './probes.ts';
import { contradict, repeat } from './repeats.ts';
import type { Stage } from './stage.ts';
import { tenants } from './tenants.ts';

const callers = 8;

/** Everything that callers and administrators do in a round, until it is over and all of it is answered. */
export async function driveTraffic(parts: {
  readonly stage: Stage;
  readonly random: Random;
  readonly journal: Journal;
  readonly asker: Asker;
  readonly policySwitch: PolicySwitch;
  /** Request ids begin with it. */
  readonly prefix: string;
  /** Holds live no longer. */
  readonly longestTtlMs: number;
  readonly isOver: () => boolean;
}): Promise<void> {
  const { stage, journal, asker, prefix, isOver } = parts;
  const { administrator, replicas } = stage;
  // Each has numbers of its own: how fast one is does not change what another draws.
  const fork = (): Random => seededRandom(parts.random.between(0, 2 ** 31));

  const caller = async (name: string, random: Random): Promise<void> => {
    const take = createCaller({ random, asker, journal });
    for (let at = 0; !isOver(); at += 1) {
      await live(
        { random, journal, take, longestTtlMs: parts.longestTtlMs },
        random.pick(tenants),
        `${prefix}${name}-${at}`,
      );
      await delay(random.between(0, 15));
    }
  };
  const repeater = async (random: Random): Promise<void> => {
    while (!isOver()) {
      await delay(random.between(10, 60));
      const { acknowledged } = journal;
      const one = acknowledged[random.between(0, Math.max(0, acknowledged.length - 1))];
      if (one === undefined) continue;
      const again = random.pick([repeat, repeat, contradict]);
      await again({ random, asker, journal }, one);
    }
  };
  const bungler = async (random: Random): Promise<void> => {
    while (!isOver()) {
      await makeMistakes(asker, journal, random.pick([0, 1]));
      await delay(300);
    }
  };
  await Promise.all([
    ...Array.from({ length: callers }, (_, at) => caller(`caller-${at}`, fork())),
    probeAll({ asker, journal, prefix }, isOver),
    parts.policySwitch.run(fork(), isOver),
    bringNewcomers({ random: fork(), journal, asker, administrator, replicas, prefix, isOver }),
    repeater(fork()),
    bungler(fork()),
  ]);
}

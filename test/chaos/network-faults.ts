import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../support/random.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';
import { both, faultOf } from './fault.ts';
import type { Fault, FaultKind } from './fault.ts';
import type { ReplicaIndex } from './replica.ts';
import { letPass } from './stage.ts';

const either = [0, 1] as const;

/** What happens between a replica and the store, and between callers and a replica. */
export const networkFaults: Readonly<Record<string, FaultKind>> = {
  'black-hole': (random) => blackHole(random.pick(either)),
  'slow-link': (random) => {
    const delayMs = random.between(5, 150);
    const play: Play = async (link, forMs) => {
      link.delay(delayMs);
      await delay(forMs);
    };
    // Locks are held for as long as the slow replica's flights take: whoever shares an organization with it waits.
    const what = `delay by ${delayMs} ms between store and`;
    return { ...onLink(what, random.pick(either), play), touches: both };
  },
  'reset-link': (random) =>
    onLink(
      'reset connections between store and',
      random.pick(either),
      repeatedly((link) => link.reset()),
    ),
  'half-close-link': (random) =>
    onLink(
      'half-close connections from',
      random.pick(either),
      repeatedly((link) => link.halfClose()),
    ),
  'lose-answers': (random) =>
    onLink('lose answers of the store to', random.pick(either), async (link, forMs, random) => {
      const endMs = performance.now() + forMs;
      while (performance.now() < endMs) {
        link.set('pass', 'swallow');
        await delay(random.between(5, 60));
        link.reset();
        letPass(link);
        await delay(random.between(50, 300));
      }
    }),
  'lose-callers': (random) => loseCallers(random.pick(either)),
};

/** Nothing comes through in either direction, and no side is notified. */
export function blackHole(index: ReplicaIndex): Fault {
  return onLink('black hole between store and', index, async (link, forMs) => {
    link.blackHole();
    await delay(forMs);
  });
}

type Play = (link: TcpProxy, forMs: number, random: Random) => Promise<void>;

function onLink(what: string, index: ReplicaIndex, play: Play): Fault {
  return faultOf(`${what} replica ${index}`, [index], {
    parts: [index],
    async play({ links }, random, forMs) {
      await play(links[index], forMs, random);
      letPass(links[index]);
      return [];
    },
  });
}

/** Does something to the open connections every now and then. */
function repeatedly(act: (link: TcpProxy) => void): Play {
  return async (link, forMs, random) => {
    const endMs = performance.now() + forMs;
    while (performance.now() < endMs) {
      act(link);
      await delay(random.between(10, 400));
    }
  };
}

/** The connections of callers break while answers are on their way: they ask again. */
function loseCallers(index: ReplicaIndex): Fault {
  const play = repeatedly((link) => link.reset());
  return faultOf(`reset connections between callers and replica ${index}`, [index], {
    silences: [index],
    async play({ fronts }, random, forMs) {
      await play(fronts[index], forMs, random);
      letPass(fronts[index]);
      return [];
    },
  });
}

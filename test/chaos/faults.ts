import type { Random } from '../support/random.ts';
import { callerFaults } from './caller-faults.ts';
import type { Fault, FaultKind } from './fault.ts';
import { networkFaults } from './network-faults.ts';
import { processFaults } from './process-faults.ts';
import { storeFaults } from './store-faults.ts';

/** Every kind of fault that can be drawn, by the name that `--faults` takes. */
export const faultKinds: Readonly<Record<string, FaultKind>> = {
  ...processFaults,
  ...storeFaults,
  ...networkFaults,
  ...callerFaults,
};

/** One fault, often a second beside it, now and then a third. */
export function drawFaults(random: Random, kinds: readonly string[]): Fault[] {
  const drawn: Fault[] = [];
  for (let left = random.pick([1, 1, 1, 2, 2, 3]); left > 0; left -= 1) {
    const kind = faultKinds[kinds[random.between(0, kinds.length - 1)] ?? ''];
    if (kind !== undefined) drawn.push(kind(random));
  }
  return drawn;
}

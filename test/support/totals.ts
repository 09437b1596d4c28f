import type { Meter } from '../../src/core/meter.ts';
import type { Window } from '../../src/core/policy.ts';
import type { TotalsOf, WindowTotals } from '../../src/core/totals.ts';

/** What a meter is said to know: the same in every window, unless a window is said apart. */
export type SaidTotals = Partial<WindowTotals> & {
  readonly inFlight?: bigint;
  readonly windows?: Partial<Record<Window, Partial<WindowTotals>>>;
};

const nothing: WindowTotals = {
  usedCost: 0n,
  usedInput: 0n,
  usedOutput: 0n,
  usedRequests: 0n,
  heldCost: 0n,
  heldInput: 0n,
  heldOutput: 0n,
};

/** The totals of meters by name; a meter that is not said knows nothing. */
export function totalsOf(
  meters: readonly Meter[],
  said: Readonly<Record<string, SaidTotals>> = {},
): TotalsOf {
  return (index) => {
    const { inFlight = 0n, windows = {}, ...everywhere } = said[meters[index]?.name ?? ''] ?? {};
    return { inFlight, window: (window) => ({ ...nothing, ...everywhere, ...windows[window] }) };
  };
}

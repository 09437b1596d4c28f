import { considered, statusOf } from './conclude.ts';
import { noBypass } from './lifted.ts';
import { limitTotals } from './limit-totals.ts';
import type { ConsideredLimit } from './outcome.ts';
import type { Window } from './policy.ts';
import type { Meter } from './meter.ts';
import type { PlannedLimit } from './plan.ts';
import type { MeterTotals } from './totals.ts';
import { windowAt } from './window.ts';
import type { Calendar } from './window.ts';

/** A limit with the amount that it has now, and the meter that it is measured on. */
export interface MeteredLimit {
  readonly planned: PlannedLimit;
  readonly meter: Meter;
}

/** How a limit stands on one of its meters, when nothing is asked. */
export interface LimitStanding {
  readonly limit: ConsideredLimit;
  /** What is used and held, in millionths of the amount; of an amount of 0 it is all. */
  readonly share: bigint;
  /** OVER: nothing is left. NEAR: its lowest threshold is reached, or 80 percent of a limit without thresholds. */
  readonly standing: 'OK' | 'NEAR' | 'OVER';
  /** When nothing is left at the present rate; undefined: not before the window ends. */
  readonly exhaustsAtMs: number | undefined;
}

const whole = 1_000_000n;
const usualThreshold = 80;

/** The window whose usage is the present rate of a limit's window. */
const rateWindows: Readonly<Record<Window, Window>> = {
  TEN_SECONDS: 'TEN_SECONDS',
  MINUTE: 'MINUTE',
  HOUR: 'HOUR',
  DAY: 'DAY',
  WEEK: 'DAY',
  MONTH: 'DAY',
  LIFETIME: 'DAY',
};

/** Compares a limit with its meter as it stands now. */
export function limitStanding(
  { planned, meter }: MeteredLimit,
  totals: MeterTotals,
  calendar: Calendar,
  nowMs: number,
): LimitStanding {
  const { limit } = planned;
  const { used, held } = limitTotals(limit, totals);
  const sum = used + held;
  const status = statusOf(limit, sum, sum > limit.amount, noBypass);
  const shown = considered(
    { planned, used, held, ask: 0n, status },
    { meters: [meter], calendar },
    true,
    nowMs,
  );
  return {
    limit: shown,
    share: limit.amount === 0n ? whole : (whole * sum) / limit.amount,
    standing: standingOf(limit, sum),
    exhaustsAtMs: exhaustion({ limit, shown, totals, calendar, nowMs }),
  };
}

function standingOf(
  { amount, thresholds }: PlannedLimit['limit'],
  sum: bigint,
): LimitStanding['standing'] {
  if (sum >= amount) return 'OVER';
  const lowest = thresholds.length === 0 ? usualThreshold : Math.min(...thresholds);
  return 100n * sum >= BigInt(lowest) * amount ? 'NEAR' : 'OK';
}

/**
 * The present rate is what was used since the day began (the hour, minute or ten seconds, for a window no longer than
 * that) by the time since then. A twelfth of it counts as past at least, so that the first call of a day is no rate.
 */
function exhaustion({
  limit,
  shown,
  totals,
  calendar,
  nowMs,
}: {
  readonly limit: PlannedLimit['limit'];
  readonly shown: ConsideredLimit;
  readonly totals: MeterTotals;
  readonly calendar: Calendar;
  readonly nowMs: number;
}): number | undefined {
  if (limit.window === undefined) return undefined;
  if (shown.remaining <= 0n) return nowMs;
  const window = rateWindows[limit.window];
  const { used } = limitTotals({ ...limit, window }, totals);
  if (used <= 0n) return undefined;
  const { startMs, endMs } = windowAt(calendar, window, nowMs);
  const pastMs = BigInt(Math.ceil(Math.max(nowMs - startMs, (endMs - startMs) / 12)));
  const leftMs = (shown.remaining * pastMs + used - 1n) / used;
  const mostMs = (shown.resetsAtMs ?? lastMs) - nowMs;
  return leftMs < BigInt(Math.ceil(mostMs)) ? nowMs + Number(leftMs) : undefined;
}

/** The end of the year 9999. */
const lastMs = 253_402_300_799_000;

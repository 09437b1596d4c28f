import type { CheckPlan } from './plan.ts';
import type { Limit } from './policy.ts';

/** No flag is in force. */
export const noBypass: CheckPlan['bypass'] = {
  cost: false,
  rate: false,
  tokens: false,
  models: false,
};

const shortWindows = new Set<Limit['window']>(['TEN_SECONDS', 'MINUTE', 'HOUR']);

/** Whether a bypass flag lifts a BLOCK limit: `rate` also lifts tokens up to an hour, `tokens` the longer ones. */
export function isLifted(
  limit: Pick<Limit, 'metric' | 'window'>,
  bypass: CheckPlan['bypass'],
): boolean {
  switch (limit.metric) {
    case 'COST':
      return bypass.cost;
    case 'REQUESTS':
    case 'CONCURRENCY':
      return bypass.rate;
    case 'TOKENS':
    case 'INPUT_TOKENS':
    case 'OUTPUT_TOKENS':
      return shortWindows.has(limit.window) ? bypass.rate : bypass.tokens;
  }
}

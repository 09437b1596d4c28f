import type { Window } from './policy.ts';

/**
 * In which windows a row of the record counts, where not in all. An adjustment is about money and not about speed, so
 * it counts in windows of a day and longer. A reset counts in one window of one meter.
 */
export type CountsOnly =
  | { readonly kind: 'ADJUSTMENT' }
  | {
      readonly kind: 'RESET';
      readonly window: Window;
      /** The start of that window, milliseconds since 1970; 0 for LIFETIME. */
      readonly startMs: number;
      /** Of the meter: only the one with these targets. */
      readonly targets: readonly string[];
    };

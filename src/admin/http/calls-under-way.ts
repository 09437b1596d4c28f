import { ServiceError } from '../../platform/service-error.ts';

/** Bounds what one caller may have under way, whatever became of its connections and streams. */
export interface CallsUnderWay {
  /** Runs work of a caller; RESOURCE_EXHAUSTED `OVERLOADED` if too much of it is under way. */
  run<T>(caller: string, work: () => Promise<T>): Promise<T>;
}

/** Nothing under way yet. Work counts until it has ended, also when nobody waits for it any more. */
export function createCallsUnderWay(mostPerCaller: number): CallsUnderWay {
  const counts = new Map<string, number>();
  return {
    async run(caller, work) {
      const count = counts.get(caller) ?? 0;
      if (count >= mostPerCaller) throw tooMany(mostPerCaller);
      counts.set(caller, count + 1);
      try {
        return await work();
      } finally {
        const left = (counts.get(caller) ?? 1) - 1;
        if (left > 0) counts.set(caller, left);
        else counts.delete(caller);
      }
    },
  };
}

function tooMany(most: number): ServiceError {
  const message = `a caller may have at most ${most} calls under way`;
  return new ServiceError('OVERLOADED', message, { retryAfterMs: 1000 });
}

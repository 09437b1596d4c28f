import { ServiceError } from '../../platform/service-error.ts';

/** Bounds what one caller may have under way, whatever became of its connections and streams. */
export interface CallsUnderWay {
  /** Runs work of a caller; RESOURCE_EXHAUSTED `OVERLOADED` if too much of it is under way. */
  run<T>(caller: string, work: () => Promise<T>): Promise<T>;
  /** The same for work that is a stream: it counts until the stream is read to its end, or given up. */
  stream<T>(caller: string, work: AsyncIterable<T>): AsyncIterable<T>;
}

/** Nothing under way yet. Work counts until it has ended, also when nobody waits for it any more. */
export function createCallsUnderWay(mostPerCaller: number): CallsUnderWay {
  const counts = new Map<string, number>();
  const begin = (caller: string): void => {
    const count = counts.get(caller) ?? 0;
    if (count >= mostPerCaller) throw tooMany(mostPerCaller);
    counts.set(caller, count + 1);
  };
  const end = (caller: string): void => {
    const left = (counts.get(caller) ?? 1) - 1;
    if (left > 0) counts.set(caller, left);
    else counts.delete(caller);
  };
  return {
    async run(caller, work) {
      begin(caller);
      try {
        return await work();
      } finally {
        end(caller);
      }
    },
    async *stream(caller, work) {
      begin(caller);
      try {
        yield* work;
      } finally {
        end(caller);
      }
    },
  };
}

function tooMany(most: number): ServiceError {
  const message = `a caller may have at most ${most} calls under way`;
  return new ServiceError('OVERLOADED', message, { retryAfterMs: 1000 });
}
